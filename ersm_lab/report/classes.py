"""Scores per class of a run: its per-class tables, and the accuracy per class that its predictions give."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ersm_lab.report.curves import number, short
from ersm_lab.report.views import RunView

NAME_COLUMNS = ("class", "class_name", "label", "name")
MOST_CLASSES = 400

Scores = dict[str, float]


def read_classes(view: RunView) -> Iterator[tuple[str, str, str, Scores]]:
    """``source, table, measure, {class: score}`` of every per-class table of a run.

    A per-class table has ``class`` in its name, one row per class and a column ``class``, ``class_name``, ``label``
    or ``name``; each column of numbers is a measure. ``predictions`` (columns ``label`` and ``correct``, one row per
    image) gives ``accuracy``.
    """
    for source, entries in view.sources.items():
        for name, entry in entries.items():
            path = view.table(source, name) if entry.kind in ("table", "figure") else None
            if path is None:
                continue
            try:
                if name == "predictions":
                    scores = _accuracy(path)
                    if len(scores) > 1:
                        yield source, name, "accuracy", scores
                elif "class" in name:
                    yield from ((source, name, measure, scores) for measure, scores in _table(path).items())
            except (OSError, ValueError, csv.Error):
                view.notes.append(f"{path}: cannot be read")


def _accuracy(path: Path) -> Scores:
    """The share of correct predictions per label; parquet is read where it lies beside, because it is faster."""
    import numpy as np

    parquet = path.with_suffix(".parquet")
    if parquet.is_file():
        import pyarrow.parquet as pq

        if not {"label", "correct"} <= set(pq.read_schema(parquet).names):
            return {}
        frame = pq.read_table(parquet, columns=["label", "correct"])
        labels, correct = (frame.column(name).to_numpy() for name in ("label", "correct"))
    else:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(row.get("label"), number(row.get("correct"))) for row in csv.DictReader(file)]
        kept = [(label, right) for label, right in rows if label is not None and right is not None]
        labels, correct = np.array([label for label, _ in kept]), np.array([right for _, right in kept])
    if not len(labels):
        return {}
    names, place = np.unique(labels, return_inverse=True)
    means = np.bincount(place, weights=correct.astype(float)) / np.bincount(place)
    return {str(name): short(float(mean)) for name, mean in zip(names[:MOST_CLASSES], means, strict=False)}


def _table(path: Path) -> dict[str, Scores]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    key = next((name for name in NAME_COLUMNS if rows and name in rows[0]), None)
    if key is None or len({row[key] for row in rows}) < len(rows):
        return {}
    found: dict[str, Scores] = {}
    for row in rows[:MOST_CLASSES]:
        for measure, text in row.items():
            if measure != key and measure and (value := number(text)) is not None:
                found.setdefault(measure, {})[row[key]] = short(value)
    return found
