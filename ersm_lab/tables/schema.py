"""``conf/table/<name>.yaml``: which runs make a table, how its rows were tuned, and what is compared with what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from omegaconf import MISSING

from ersm_lab.config.check import check_config
from ersm_lab.config.documents import load_document
from ersm_lab.config.store import options
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import Settings, plain, setting
from ersm_lab.core.words import nearest
from ersm_lab.sweeps.schema import SweepRequest, sweep_request


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

    title: str = setting(MISSING)
    profile: str = setting(
        "full",
        "demo: embedded data, minutes on a CPU; full: the papers' data, or longer",
        choices=("demo", "full"),
    )
    experiment: str = setting(MISSING, "of every row")
    overrides: list[str] = setting([], "of every run")
    seeds: list[int] = setting([0, 1, 2, 3, 4], "one run of each row per seed", ge=0)
    tuning: TuningConfig = setting(TuningConfig)
    rows: dict[str, RowConfig] = setting({})
    columns: dict[str, ColumnConfig] = setting({})
    compare: list[ComparisonConfig] = setting([])
    note: str = setting("", "below the table")

    @staticmethod
    def check(node: Any) -> str | None:
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
            for row in (item.row, item.against):
                if row not in built:
                    return f"compare names the row '{row}'{nearest(row, list(built))}"
            if item.column not in node.columns or not node.columns[item.column].per_image:
                return f"compare names the column '{item.column}', which is none with per_image"
        return None


def _row_problem(row: Any, columns: Any) -> str | None:
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


def combinations(tune: Any) -> list[list[str]]:
    """Every trial of a ``tune`` section as overrides; one empty trial where nothing is tuned."""
    keys = list(tune)
    return [
        [f"{key}={value}" for key, value in zip(keys, values, strict=True)]
        for values in product(*(list(tune[key]) for key in keys))
    ]


def table_request(words: Sequence[str]) -> tuple[list[str], SweepRequest]:
    """The names of tables on a command line, and the rest: the request's words are overrides of every run.

    Raises
    ------
    UserError: no name, or a word of sweeps and not of tables.
    """
    names = [word for word in words if "=" not in word and not word.startswith("-")]
    if not names:
        raise UserError(f"table needs a name: {', '.join(options('table'))}")
    rest = [word for word in words if word not in names]
    for word in rest:
        flag = word.startswith("-") and word not in ("--dry-run", "--refresh")
        if flag or word.startswith(("sweep=", "sweep.")):
            raise UserError(
                f"table takes no '{word}': NAME ..., key=value, jobs=N, launcher=NAME, --dry-run, --refresh"
            )
    return list(dict.fromkeys(names)), sweep_request(rest)


def load_table(name: str, changes: list[str] | None = None) -> dict[str, Any]:
    """The checked table ``name`` as plain containers; ``changes`` are ``key=value`` of the table itself.

    Raises
    ------
    UserError: an unknown table or key, wrong types or values, rows tuned unequally.
    """
    found: dict[str, Any] = plain(load_document("table", name, TableConfig, changes or [], _check_parts))
    return found


def _check_parts(table: Any) -> None:
    reported = [node for row in table.rows.values() for node in row.reported.values()]
    for node in (*table.rows.values(), *table.columns.values(), *reported):
        check_config(node)
    for node in table.compare:
        check_config(node)
