"""What a table says: means over seeds, the paper's figures, paired differences between rows, and what is missing.

It is read from run directories alone: ``summary`` of ``run.json`` for the columns, ``artifacts/predictions`` for the intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ersm_lab.core.words import counted
from ersm_lab.tables.comparisons import Comparison, compare_rows
from ersm_lab.tables.entries import Entry, entries_of, lacking, read_numbers, seeds_in_words
from ersm_lab.tables.rows import RowRuns, Trial
from ersm_lab.tables.schema import ColumnConfig, TableConfig

MARKS = ("†", "‡", "§", "¶")
# what comes first in the name of a score; of other numbers, such as costs, it is no split
SPLITS = ("val", "test")


@dataclass(frozen=True)
class Reported:
    """A figure of the paper's, in the column's unit; ``mark``: of the dagger that says why it is not comparable with ours."""

    value: float
    mark: str | None


@dataclass(frozen=True)
class Dagger:
    mark: str
    why: str


@dataclass(frozen=True)
class Tuning:
    """What the trials of a row chose."""

    chosen: list[str]
    trials: list[Trial]


@dataclass(frozen=True)
class TableSummary:
    """All that a table says; its fields are the keys of ``table.json``.

    ``split``: those that the columns are of. ``built``: rows that have runs. ``cells``, ``reported``: by row and column.
    ``runs``: folders by row and seed. ``missing``: a line for each thing that the table lacks; it is complete without any.
    """

    title: str
    experiment: str
    split: str
    profile: str
    note: str
    seeds: list[int]
    columns: dict[str, ColumnConfig]
    labels: dict[str, str]
    built: list[str]
    cells: dict[str, dict[str, Entry]]
    reported: dict[str, dict[str, Reported]]
    daggers: list[Dagger]
    comparisons: list[Comparison]
    tuning: dict[str, Tuning]
    runs: dict[str, dict[int, str]]
    missing: list[str]


def summarise(table: TableConfig, rows: Mapping[str, RowRuns]) -> TableSummary:
    """What a table says. ``rows``: every row that is built.

    Raises
    ------
    UserError: rows to compare whose runs were tested on different images.
    """
    numbers = read_numbers(table, rows)
    reported, daggers = _reported(table)
    comparisons = [compare_rows(table, rows, item) for item in table.compare]
    splits = [column.metric.partition("/")[0] for column in table.columns.values()]
    return TableSummary(
        title=table.title,
        experiment=table.experiment,
        split=", ".join(dict.fromkeys(split for split in splits if split in SPLITS)),
        profile=table.profile,
        note=table.note,
        seeds=list(table.seeds),
        columns=table.columns,
        labels={name: row.label for name, row in table.rows.items()},
        built=[name for name in table.rows if name in rows],
        cells=entries_of(table, numbers, rows),
        reported=reported,
        daggers=daggers,
        comparisons=comparisons,
        tuning={name: Tuning(row.chosen, row.trials) for name, row in rows.items() if row.trials},
        runs={name: {seed: str(path) for seed, path in row.runs.items()} for name, row in rows.items()},
        missing=[*_failures(rows), *lacking(table, numbers, rows), *_not_compared(comparisons, rows)],
    )


def _failures(rows: Mapping[str, RowRuns]) -> list[str]:
    """What failed, alike on one line: seeds of rows; and trials, since every row is owed as many."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, row in rows.items():
        for why in dict.fromkeys(row.failed.values()):
            seeds = seeds_in_words(seed for seed, reason in row.failed.items() if reason == why)
            alike.setdefault((seeds, why), []).append(name)
    lines = [f"{', '.join(names)} {seeds}: {why}" for (seeds, why), names in alike.items()]
    for name, row in rows.items():
        lost = [trial.run for trial in row.trials if trial.score is None]
        if lost and len(lost) < len(row.trials):
            of = counted(len(row.trials), "trial")
            lines.append(f"{name}: {len(lost)} of {of} failed, the first with: {lost[0]}")
    return lines


def _not_compared(comparisons: list[Comparison], rows: Mapping[str, RowRuns]) -> list[str]:
    """Differences without an interval; where runs failed, that is said already."""
    return [
        f"difference {item.row} − {item.against} in {item.column}: no runs to compare"
        for item in comparisons
        if item.interval is None and not rows[item.row].failed and not rows[item.against].failed
    ]


def _reported(table: TableConfig) -> tuple[dict[str, dict[str, Reported]], list[Dagger]]:
    """The paper's figures by row and column, and the reasons of their marks; one reason has one mark."""
    figures = [(name, key, item) for name, row in table.rows.items() for key, item in row.reported.items()]
    reasons = list(dict.fromkeys(item.dagger for _, _, item in figures if item.dagger))
    marks = {why: MARKS[place % len(MARKS)] * (1 + place // len(MARKS)) for place, why in enumerate(reasons)}
    found: dict[str, dict[str, Reported]] = {}
    for name, key, item in figures:
        found.setdefault(name, {})[key] = Reported(item.value, marks[item.dagger] if item.dagger else None)
    return found, [Dagger(mark, why) for why, mark in marks.items()]
