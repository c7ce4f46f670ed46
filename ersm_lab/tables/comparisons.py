"""Differences between rows of a table: a paired bootstrap over images, of the seeds that both rows have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ersm_lab.core.errors import UserError
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.statistics.intervals import Interval, paired_bootstrap, widened_by_seeds
from ersm_lab.tables.rows import RowRuns
from ersm_lab.tables.schema import ComparisonConfig, TableConfig


@dataclass(frozen=True)
class Comparison:
    """Row ``row`` minus row ``against`` in the unit of ``column``, whose heading is ``label``.

    ``margin``: of non-inferiority, where that is asked. ``interval``: None where there are no runs to compare.
    """

    row: str
    against: str
    column: str
    margin: float | None
    label: str
    interval: Interval | None


def compare_rows(table: TableConfig, rows: Mapping[str, RowRuns], item: ComparisonConfig) -> Comparison:
    """One of the comparisons that a table asks for. Raises ``UserError`` for runs that were tested on different images."""
    column = table.columns[item.column]
    interval = _interval(rows[item.row], rows[item.against], str(column.per_image), column.scale, item)
    return Comparison(item.row, item.against, item.column, item.margin, column.label, interval)


def _interval(
    first: RowRuns, second: RowRuns, per_image: str, scale: float, item: ComparisonConfig
) -> Interval | None:
    seeds = sorted(set(first.runs) & set(second.runs))
    sides = [[_per_image(row.runs[seed], per_image) for seed in seeds] for row in (first, second)]
    columns = [[column for column in side if column is not None] for side in sides]
    if not seeds or any(len(side) < len(seeds) for side in columns):
        return None
    index = columns[0][0].index
    if any(not column.index.equals(index) for side in columns for column in side):
        raise UserError(f"compare {item.row} with {item.against}: their runs were tested on different images")
    ours, theirs = (scale * np.stack([column.to_numpy(float) for column in side]) for side in columns)
    return widened_by_seeds(paired_bootstrap(ours, theirs), np.nanmean(ours - theirs, axis=1))


def _per_image(run: Path, name: str) -> pd.Series | None:
    frame = RunDirectory.open(run).artifacts.read_table("predictions").set_index("index").sort_index()
    return frame.get(name)


def verdict(interval: Interval, margin: float | None) -> str:
    """What an interval says: higher, lower or undecided; with a margin, non-inferior or not shown to be."""
    if margin is not None:
        shown = interval.low > -margin
        return f"non-inferior at {margin:g}" if shown else f"not shown non-inferior at {margin:g}"
    if not interval.excludes_zero:
        return "undecided"
    return "higher" if interval.low > 0 else "lower"
