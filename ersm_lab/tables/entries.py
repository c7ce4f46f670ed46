"""The entries of a table: means and sample standard deviations over seeds, read from the summaries of runs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ersm_lab.runs.directory import RunDirectory
from ersm_lab.tables.rows import RowRuns
from ersm_lab.tables.schema import ColumnConfig, RowConfig, TableConfig

Numbers = dict[str, dict[str, dict[int, float]]]  # by row, column and seed


@dataclass(frozen=True)
class Entry:
    """One row in one column, in the column's unit.

    ``std``: None for one seed. ``n``: seeds. ``best``: of its column. ``state``: ``ok``, ``partial`` (some seeds lack it),
    ``missing`` (the row's runs failed) or ``none`` (the row has no such number).
    """

    mean: float | None
    std: float | None
    n: int
    best: bool
    state: str


def read_numbers(table: TableConfig, rows: Mapping[str, RowRuns]) -> Numbers:
    """What the runs report, finite numbers alone."""
    found: Numbers = {}
    for name, config in table.rows.items():
        runs = rows[name].runs if name in rows else {}
        records = {seed: RunDirectory.open(path).record for seed, path in sorted(runs.items())}
        found[name] = {}
        for key, column in table.columns.items():
            numbers = {seed: record.number(metric_of(column, config)) for seed, record in records.items()}
            found[name][key] = {
                seed: column.scale * number for seed, number in numbers.items() if number is not None
            }
    return found


def entries_of(
    table: TableConfig, numbers: Numbers, rows: Mapping[str, RowRuns]
) -> dict[str, dict[str, Entry]]:
    """The entries by row and column."""
    means = {
        name: {key: statistics.fmean(by_seed.values()) for key, by_seed in columns.items() if by_seed}
        for name, columns in numbers.items()
    }
    best = {
        key: _best(column, [row[key] for row in means.values() if key in row])
        for key, column in table.columns.items()
    }
    entries: dict[str, dict[str, Entry]] = {}
    for name, columns in numbers.items():
        row = rows.get(name, RowRuns())
        entries[name] = {}
        for key, by_seed in columns.items():
            values, mean = list(by_seed.values()), means[name].get(key)
            whole = not row.failed and len(values) == len(row.runs)
            state = ("ok" if whole else "partial") if values else ("missing" if row.failed else "none")
            deviation = statistics.stdev(values) if len(values) > 1 else None
            is_best = mean is not None and mean == best[key]
            entries[name][key] = Entry(mean, deviation, len(values), is_best, state)
    return entries


def lacking(table: TableConfig, numbers: Numbers, rows: Mapping[str, RowRuns]) -> list[str]:
    """Which numbers runs that are there do not report, a line each."""
    lines = []
    for name, row in ((name, rows[name]) for name in table.rows if name in rows):
        for key, by_seed in numbers[name].items():
            if by_seed and len(by_seed) < len(row.runs):
                seeds = seeds_in_words(seed for seed in row.runs if seed not in by_seed)
                lines.append(
                    f"{name} {seeds}: reports no '{metric_of(table.columns[key], table.rows[name])}'"
                )
        if row.runs and not row.failed and not any(numbers[name].values()):
            lines.append(f"{name}: its runs report none of the columns")
    for key, column in table.columns.items():
        if any(row.runs for row in rows.values()) and not any(columns[key] for columns in numbers.values()):
            lines.append(f"column {key}: no run reports '{column.metric}'")
    return lines


def metric_of(column: ColumnConfig, row: RowConfig) -> str:
    """The key of a run's summary that a column shows of a row."""
    return column.metric.format(**row.words) if row.words else column.metric


def seeds_in_words(seeds: Iterable[int]) -> str:
    """``seed 3`` or ``seeds 0, 2``."""
    found = [str(seed) for seed in sorted(seeds)]
    return f"seed{'s' if len(found) > 1 else ''} {', '.join(found)}"


def _best(column: ColumnConfig, means: list[float]) -> float | None:
    if not means or column.better == "neither":
        return None
    return max(means) if column.better == "higher" else min(means)
