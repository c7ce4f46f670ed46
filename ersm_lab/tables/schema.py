"""``conf/table/<name>.yaml``: which runs make a table, how its rows are tuned, and which rows are compared.

A row is an arm: one variant, with a run for each seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from omegaconf import MISSING, DictConfig

from ersm_lab.config.check import check_config
from ersm_lab.config.documents import load_document
from ersm_lab.core.settings import Settings, setting
from ersm_lab.core.words import nearest

PROFILES = ("demo", "full")


@dataclass
class ColumnConfig(Settings):
    """One number of a run."""

    metric: str = setting(
        MISSING,
        "a key of the run's summary, such as test/accuracy; {word} is filled in from the row's `words`",
    )
    label: str = setting(MISSING, "the heading, with its unit")
    scale: float = setting(1.0, "100 for percent")
    digits: int = setting(1, "after the point", ge=0)
    better: str = setting("higher", "what is set in bold", choices=("higher", "lower", "neither"))
    per_image: str | None = setting(
        None, "the column of the table `predictions` whose mean it is; needed for intervals"
    )


@dataclass
class ReportedConfig(Settings):
    """A figure that the paper reports, in the column's unit."""

    value: float = setting(MISSING, "as printed there")
    dagger: str | None = setting(None, "why it is not comparable with ours; null: it is")


@dataclass
class RowConfig(Settings):
    """One arm: what makes it, over what it is tuned, and what the paper reported of it."""

    label: str = setting(MISSING, "what readers call it")
    experiment: str | None = setting(None, "null: the table's")
    built: bool = setting(True, "false: there is only what the paper reported; nothing is run")
    words: dict[str, str] = setting(
        {}, "for {word} in the columns' metrics: rows of one run, such as detectors"
    )
    reported: dict[str, ReportedConfig] = setting({}, "by column; nothing where no figure is known")
    overrides: list[str] = setting([], "on top of the table's experiment")
    tune: dict[str, Any] = setting({}, "key: [values]; every combination is one trial on validation")


@dataclass
class TuningConfig(Settings):
    """How a trial is judged. Trials never read the test split."""

    seed: int = setting(1000, "of the trials; apart from the table's seeds", ge=0)
    metric: str = setting("val/accuracy", "of the run's evaluation")
    mode: str = setting("max", "which way is better", choices=("max", "min"))
    overrides: list[str] = setting(["evaluation.split=val", "evaluation.panels=0"], "of every trial")


@dataclass
class ComparisonConfig(Settings):
    """A paired difference, row minus row."""

    row: str = setting(MISSING, "a row")
    against: str = setting(MISSING, "another row")
    column: str = setting(MISSING, "a column with per_image")
    margin: float | None = setting(None, "non-inferiority margin, in the column's unit", ge=0)


@dataclass
class TableConfig(Settings):
    """A table of runs."""

    title: str = setting(MISSING, "the heading")
    profile: str = setting(
        "full",
        "demo: embedded data, minutes on a CPU; full: the papers' data, or longer",
        choices=PROFILES,
    )
    experiment: str = setting(MISSING, "of every row")
    overrides: list[str] = setting([], "of every run")
    seeds: list[int] = setting([0, 1, 2, 3, 4], "one run of each row per seed", ge=0)
    tuning: TuningConfig = setting(TuningConfig)
    rows: dict[str, RowConfig] = setting({}, "the arms, by name")
    columns: dict[str, ColumnConfig] = setting({}, "the numbers, by name")
    compare: list[ComparisonConfig] = setting([], "differences between rows, each in one column")
    note: str = setting("", "below the table")

    @property
    def paper(self) -> str:
        """The paper whose experiments it compares."""
        return self.experiment.partition("/")[0]

    @property
    def built(self) -> dict[str, RowConfig]:
        """The rows that have runs; of the others there is only what the paper reported."""
        return {name: row for name, row in self.rows.items() if row.built}

    def words(self, row: str) -> list[str]:
        """What every run of a row is composed from, but for what is tuned and the seed."""
        own = self.rows[row]
        return [f"experiment={own.experiment or self.experiment}", *self.overrides, *own.overrides]

    @staticmethod
    def check(node: TableConfig) -> str | None:
        if not node.rows or not node.columns or not node.seeds:
            return "a table needs rows, columns and seeds"
        built = {name: row for name, row in node.rows.items() if row.built}
        trials = {name: len(combinations(row.tune)) for name, row in built.items()}
        if len(set(trials.values())) > 1:
            return f"rows are tuned with different numbers of trials: {trials}; every arm gets the same"
        for name, row in node.rows.items():
            if problem := _row_problem(row, node.columns):
                return f"rows.{name}{problem}"
        for item in node.compare:
            for named in (item.row, item.against):
                if named not in built:
                    return f"compare names the row '{named}'{nearest(named, list(built))}"
            if item.column not in node.columns or not node.columns[item.column].per_image:
                return f"compare names the column '{item.column}', which is none with per_image"
        return None


def _row_problem(row: RowConfig, columns: Mapping[str, ColumnConfig]) -> str | None:
    for key in row.reported:
        if key not in columns:
            return f".reported names the column '{key}'{nearest(key, list(columns))}"
    if not row.built:
        return None if row.reported else " is neither built nor reported"
    for key, column in columns.items():
        try:
            column.metric.format(**row.words)
        except (KeyError, IndexError, ValueError):
            return f".words lacks a word of columns.{key}.metric, '{column.metric}'"
    return None


def combinations(tune: Mapping[str, Iterable[object]]) -> list[list[str]]:
    """Every trial of a ``tune`` section as overrides; one empty trial where nothing is tuned."""
    return [
        [f"{key}={value}" for key, value in zip(tune, values, strict=True)]
        for values in product(*tune.values())
    ]


def load_table(name: str, changes: Sequence[str] = ()) -> TableConfig:
    """The checked table ``name``; ``changes`` are ``key=value`` of the table itself.

    Raises
    ------
    UserError: an unknown table or key, wrong types or values, rows tuned unequally.
    """
    return load_document("table", name, TableConfig, changes, _check_parts)


def _check_parts(table: DictConfig) -> None:
    reported = [node for row in table.rows.values() for node in row.reported.values()]
    for node in (*table.rows.values(), *table.columns.values(), *reported, *table.compare):
        check_config(node)
