"""Which runs a page shows: folders, patterns, and conditions on what runs record.

``ersm/digits`` (text in the path, the overrides or the status), ``outputs/ersm/*/2026*`` (folders), ``status=finished``,
``variant!=baseline``, ``lr=0.0*``, ``accuracy>0.8``. Every condition must hold; of folders, any. The page's own filter
field takes the same conditions.
"""

from __future__ import annotations

import difflib
import fnmatch
import glob
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ersm_lab.core.errors import UserError
from ersm_lab.report.views import RunView, read_view
from ersm_lab.runs.index import run_folders

_CONDITION = re.compile(r"^([^=<>!~]+)(!=|>=|<=|=|>|<)(.*)$")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b, "<": lambda a, b: a < b, ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b,
}  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """``key operator value``; without an operator, ``value`` is a text to be found."""

    key: str
    operator: str
    value: str


def parse(word: str) -> Condition:
    """One word of a query."""
    found = _CONDITION.match(word)
    if not found:
        return Condition("", "", word.lower())
    key, operator, value = (part.strip() for part in found.groups())
    if operator in _COMPARE:
        try:
            float(value)
        except ValueError:
            raise UserError(f"'{word}': after {operator} stands a number, not {value!r}") from None
    return Condition(key, operator, value)


def fields(view: RunView) -> dict[str, Any]:
    """Everything of a run that a condition may name."""
    record = view.record
    own = {
        "run": view.name,
        "paper": record.paper,
        "experiment": record.experiment,
        "status": view.status,
        "seed": record.seed,
        "seconds": record.timings.seconds,
    }
    return {**view.config, **view.summary, **own}


def resolve(key: str, known: Iterable[str]) -> str:
    """The full name that ``key`` stands for: itself, or the one name that ends with it.

    Names closer to the run win: its own fields, then configuration and metrics of the training, then evaluations.
    """
    names = sorted(set(known))
    if key in names:
        return key
    ends = [name for name in names if name.endswith((f".{key}", f"/{key}"))]
    shallow = [name for name in ends if ": " not in name] or ends
    fewest = min((name.count(".") + name.count("/") for name in shallow), default=0)
    best = [name for name in shallow if name.count(".") + name.count("/") == fewest]
    if len(best) == 1:
        return best[0]
    if best:
        raise UserError(f"'{key}' may be {', '.join(best[:6])}: write more of the name")
    near = difflib.get_close_matches(
        key, [*names, *(name.split(".")[-1].split("/")[-1] for name in names)], n=1
    )
    raise UserError(f"no run has a '{key}'" + (f"; did you mean {near[0]!r}?" if near else ""))


def holds(condition: Condition, found: dict[str, Any], text: str) -> bool:
    """Whether a run with these fields satisfies the condition; ``text`` is what free words are looked for in."""
    if not condition.operator:
        return condition.value in text
    value = found.get(condition.key)
    if condition.key == "experiment" and "/" in condition.value:  # as it is shown, and as `train` takes it
        value = f"{found.get('paper')}/{value}"
    if condition.operator in _COMPARE:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and _COMPARE[condition.operator](float(value), float(condition.value))  # type: ignore[arg-type]
    same = _same(value, condition.value)
    return same if condition.operator == "=" else not same


def _same(value: Any, pattern: str) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            wanted = float(pattern)
        except ValueError:
            wanted = math.nan
        return value == wanted if math.isfinite(wanted) else fnmatch.fnmatchcase(str(value), pattern.lower())
    shown = (
        {None: "null", True: "true", False: "false"}.get(value, value)
        if not isinstance(value, str)
        else value
    )
    return fnmatch.fnmatchcase(str(shown).lower(), pattern.lower())


def select(words: Sequence[str], outputs: Path) -> list[RunView]:
    """The runs that the words name, newest first. Raises ``UserError`` when there is none, or a word means nothing."""
    folders = [folder for word in words for folder in _folders(word)]
    conditions = [parse(word) for word in words if not _folders(word)]
    if not folders and not outputs.is_dir():
        raise UserError(f"there is no folder {outputs}; train something first, or set paths.outputs")
    paths = {path.resolve(): path for root in folders or [outputs] for path in run_folders(root)}
    views = [read_view(path) for path in paths.values()]
    if not views:
        where = ", ".join(str(folder) for folder in folders or [outputs])
        raise UserError(f"no run below {where}; train one, e.g. ersm-lab train experiment=ersm/digits")
    every = [fields(view) for view in views]
    known = {key for found in every for key in found}
    named = [
        Condition(resolve(item.key, known), item.operator, item.value) if item.operator else item
        for item in conditions
    ]
    chosen = [
        view
        for view, found in zip(views, every, strict=True)
        if all(holds(item, found, searchable(view)) for item in named)
    ]
    if not chosen:
        raise UserError(f"none of {len(views)} runs matches {' '.join(words)}")
    return sorted(chosen, key=lambda view: (view.started, view.name), reverse=True)


def searchable(view: RunView) -> str:
    """What free words are looked for in: folder, experiment, status, overrides."""
    overrides = " ".join(view.record.overrides)
    return f"{view.path.as_posix()} {view.experiment} {view.status} {overrides}".lower()


def _folders(word: str) -> list[Path]:
    """The existing folders that a word names, if it is a path or a pattern of paths."""
    if _CONDITION.match(word) and not Path(word).is_dir():
        return []
    return [Path(found) for found in sorted(glob.glob(word)) if Path(found).is_dir()]
