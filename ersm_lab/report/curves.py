"""Curves of a run: its history, and tables whose rows are points of curves; thinned, so that thousands fit a page."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from ersm_lab.core.plugins import CurveFamily, loaded
from ersm_lab.report.views import RunView

Curve = tuple[list[float], list[float]]


def families() -> list[CurveFamily]:
    """Every kind of curve that the suites of registered plug-ins write, in their order."""
    found = {family.table: family for own in loaded("suites", "curves").values() for family in own}
    return list(found.values())


def number(text: object) -> float | None:
    """A finite float, or None for anything else."""
    try:
        value = float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def short(value: float, digits: int = 5) -> float | int:
    """``value`` with few significant digits, a whole number as such: what a chart can show."""
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def thin(xs: Sequence[float], ys: Sequence[float], limit: int) -> Curve:
    """At most ``limit`` points: ends, and of each stretch between them the lowest and the highest.

    So a spike of one step stays to be seen, however long the run.
    """
    count = len(xs)
    if count <= limit:
        return list(xs), list(ys)
    stretches = max(1, (limit - 2) // 2)
    kept = {0, count - 1}
    for place in range(stretches):
        start = 1 + place * (count - 2) // stretches
        stop = 1 + (place + 1) * (count - 2) // stretches
        if start < stop:
            kept.add(min(range(start, stop), key=ys.__getitem__))
            kept.add(max(range(start, stop), key=ys.__getitem__))
    order = sorted(kept)
    return [xs[i] for i in order], [ys[i] for i in order]


def read_history(view: RunView, limit: int) -> dict[str, tuple[list[float], list[float], list[float]]]:
    """``metrics.csv`` as metric -> steps, epochs, values; a metric needs two points to be a curve."""
    columns = _columns(view.path / "metrics.csv", view)
    steps = columns.pop("step", None)
    if steps is None:
        return {}
    epochs = [epoch or 0.0 for epoch in columns.pop("epoch", [0.0] * len(steps))]
    result = {}
    for name, values in columns.items():
        there = [
            i for i, (step, value) in enumerate(zip(steps, values, strict=True)) if None not in (step, value)
        ]
        if len(there) > 1:
            places, ys = thin(there, [float(values[i] or 0.0) for i in there], limit)
            result[name] = (
                [short(steps[int(i)] or 0.0, 9) for i in places],
                [short(epochs[int(i)], 6) for i in places],
                [short(y) for y in ys],
            )
    return result


def _columns(path: Path, view: RunView) -> dict[str, list[float | None]]:
    """A table of numbers by column; a short row is as if filled with blanks."""
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            head, *rows = list(csv.reader(file)) or [[]]
    except (OSError, csv.Error):
        view.notes.append(f"{path}: cannot be read")
        return {}
    cells = list(zip_longest(*rows, fillvalue=""))[: len(head)]
    return {
        name: [number(text) if text else None for text in column]
        for name, column in zip(head, cells, strict=False)
        if name
    }


def read_family(
    view: RunView, family: CurveFamily, limit: int
) -> Iterator[tuple[str, dict[str, str], str, Curve]]:
    """``source, facets, y, (xs, ys)`` for every curve of a family that a run has."""
    for source in view.sources:
        path = view.table(source, family.table)
        if path is None:
            continue
        facets = family.panels + family.picks
        curves: dict[tuple[str, ...], Curve] = {}
        for row in _rows(path, view):
            x = number(row.get(family.x))
            for y in family.ys:
                value = number(row.get(y))
                if x is not None and value is not None:
                    xs, ys = curves.setdefault((y, *(str(row.get(facet, "")) for facet in facets)), ([], []))
                    xs.append(short(x))
                    ys.append(short(value))
        for (y, *values), (xs, ys) in curves.items():
            yield source, dict(zip(facets, values, strict=True)), y, thin(xs, ys, limit)


def _rows(path: Path, view: RunView) -> Iterator[dict[str, str]]:
    if not path.is_file():
        return
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            yield from csv.DictReader(file)
    except (OSError, csv.Error):
        view.notes.append(f"{path}: cannot be read")
