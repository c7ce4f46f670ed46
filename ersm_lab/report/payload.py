"""What the page is made of, as plain containers: columns are stored once, values that repeat are numbered."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ersm_lab.core.protocols import Scalar
from ersm_lab.report.classes import Scores, read_classes
from ersm_lab.report.curves import families, read_family, read_history, short
from ersm_lab.report.views import RunView

MOST_SELECTED = 8
_FIRST_KEYS = ("model.variant",)
_LAST_KEYS = ("paths.", "logger.", "callbacks.", "trainer.threads", "trainer.progress")


class Numbered:
    """Values, each once, in the order of first use; calling it gives a value's place."""

    def __init__(self) -> None:
        self.values: list[object] = []
        self._places: dict[object, int] = {}

    def __call__(self, value: object) -> int:
        key = tuple(value) if isinstance(value, list) else (type(value), value)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]


def link(path: Path, page: Path) -> str:
    """A relative address of ``path`` for a page written at ``page``, safe in an ``href``."""
    relative = os.path.relpath(path.resolve(), page.resolve().parent)
    # quoting takes colons along, so that no folder's name is read as a scheme; names need not be UTF-8
    return quote(os.fsencode(relative)) + ("/" if path.is_dir() else "")


def run_rows(views: Sequence[RunView], page: Path) -> dict[str, Any]:
    """``runs``, ``keys`` and ``values`` of the configuration keys that differ, ``constant`` ones, ``metrics``."""
    keys = _keys(views)
    values = [Numbered() for _ in keys]
    metrics = _metrics(views)
    said = Counter(key for view in views for key in set(view.said))
    varying = [key for key in keys if len({repr(view.config.get(key)) for view in views}) > 1]
    ranked = sorted(varying, key=lambda key: _rank(key, said))
    columns = [values[keys.index(key)] for key in ranked]
    runs = []
    for view in views:
        record = view.record
        runs.append(
            {
                "name": view.name,
                "href": link(view.path, page),
                "paper": record.paper or None,
                "experiment": view.experiment,
                "status": view.status,
                "seed": record.seed,
                "started": record.timings.started or None,
                "seconds": record.timings.seconds,
                "error": record.error,
                "overrides": list(record.overrides),
                "about": {
                    "config hash": record.config_hash or None,
                    "data fingerprint": record.data_fingerprint or None,
                    "package digest": record.package_digest or None,
                    "commit": record.git.commit,
                    "uncommitted changes": record.git.dirty,
                    "host": record.host or None,
                    "gpu": record.gpu,
                    "parameters": record.parameters,
                    "torch": record.versions.get("torch"),
                },
                "config": [
                    column(view.config.get(key)) if key in view.config else -1
                    for key, column in zip(ranked, columns, strict=True)
                ],
                "summary": [_stored(view.summary.get(name)) for name in metrics],
            }
        )
    constant = {key: views[0].config.get(key) for key in keys if key not in set(varying)}
    return {
        "runs": runs,
        "keys": ranked,
        "values": [column.values for column in columns],
        "constant": constant,
        "metrics": metrics,
        "main_keys": sum(_rank(key, said)[0] < 100 for key in ranked),
    }


def curve_sets(views: Sequence[RunView], points: int) -> dict[str, Any]:
    """``history`` (a dictionary per run) and ``families``; lists of x that repeat are numbered in ``lists``."""
    lists = Numbered()
    history = [
        {
            name: [lists(steps), lists(epochs), ys]
            for name, (steps, epochs, ys) in read_history(view, points).items()
        }
        for view in views
    ]
    drawn = []
    for family in families():
        runs = [
            [
                [source, facets, y, lists(xs), ys]
                for source, facets, y, (xs, ys) in read_family(view, family, points)
            ]
            for view in views
        ]
        if any(runs):
            drawn.append({**asdict(family), "runs": runs})
    return {"history": history, "families": drawn, "lists": lists.values}


def class_sets(views: Sequence[RunView]) -> dict[str, Any]:
    """``{title: [{class: score} or None, one per run]}``; the title names table and measure."""
    found: dict[str, list[Scores | None]] = {}
    for place, view in enumerate(views):
        for source, table, measure, scores in read_classes(view):
            where = "" if source == "training" else f"{source}: "
            found.setdefault(f"{where}{measure} ({table})", [None] * len(views))[place] = scores
    return found


def points_for(views: Sequence[RunView], budget: int, ask: Callable[[RunView], int]) -> int:
    """How many points a curve may have so that ``budget`` bytes hold all; twenty runs stand for the others."""
    sample = list(views[:: -(-len(views) // 20)])
    curves = sum(ask(view) for view in sample) / max(1, len(sample)) * len(views)
    return int(min(400, max(16, budget / max(1.0, curves) / 8)))


def count_curves(view: RunView) -> int:
    """How many curves a run would put on a page."""
    return len(read_history(view, 4)) + sum(1 for family in families() for _ in read_family(view, family, 4))


def selections(views: Sequence[RunView]) -> dict[str, list[int]]:
    """Experiment -> the runs that tell most about it: the best documented newest run of each variant.

    The experiment with most evaluated runs comes first: the page opens with it. Of as many, the newest that finished.
    """
    finished = {view.experiment for view in views if view.status == "finished"}
    groups: dict[str, list[int]] = {}
    for place, view in enumerate(views):
        if view.status == "finished" or view.experiment not in finished:
            groups.setdefault(view.experiment, []).append(place)

    def weight(name: str) -> tuple[bool, int]:
        return name not in finished, -sum(len(views[place].sources) > 1 for place in groups[name])

    return {name: _telling(views, groups[name]) for name in sorted(groups, key=weight)}


def _telling(views: Sequence[RunView], places: Sequence[int]) -> list[int]:
    chosen: dict[Scalar, int] = {}
    for place in places:
        variant = views[place].config.get("model.variant")
        best = chosen.get(variant)
        if best is None or len(views[place].sources) > len(views[best].sources):
            chosen[variant] = place
    # without variants: the newest runs
    return sorted(chosen.values() if len(chosen) > 1 else places)[:MOST_SELECTED]


def _keys(views: Sequence[RunView]) -> list[str]:
    """The configuration's keys; the seed has a column of its own."""
    found = dict.fromkeys(key for view in views for key in view.config)
    return [key for key in found if key != "seed"]


def _rank(key: str, said: Counter[str]) -> tuple[int, int, str]:
    """What people set comes first; where things lie, last."""
    first = _FIRST_KEYS.index(key) if key in _FIRST_KEYS else len(_FIRST_KEYS)
    last = key.startswith(_LAST_KEYS) or key.endswith((".root", "_target_", ".checkpoint"))
    return (first + 100 * last, -said.get(key, 0), key)


def _metrics(views: Sequence[RunView]) -> list[str]:
    """Short names of many runs first: ``test/accuracy`` before an evaluation's ``stress-1: test/deletion/energy/auc``."""
    count = Counter(name for view in views for name in view.summary)
    order = {name: place for place, name in enumerate(count)}
    return sorted(count, key=lambda name: (": " in name, name.count("/"), order[name]))


def _stored(value: float | None) -> float | str | None:
    """A metric as JSON can hold it: what is not finite as ``nan``, ``inf`` or ``-inf``."""
    return value if value is None else short(value, 6) if math.isfinite(value) else str(value)
