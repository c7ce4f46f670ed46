"""The runs that a table wants: trials of each row on validation, then each row's seeds with what its trials chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ersm_lab.config.compose import Experiment
from ersm_lab.config.composer import Composer
from ersm_lab.core.errors import UserError
from ersm_lab.plan.cells import Cell
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.tables.rows import RowRuns, Trial, best_trial
from ersm_lab.tables.schema import TableConfig, combinations


@dataclass(frozen=True)
class Wanted:
    """One run that a row wants: a trial, with the overrides that it tries, or a seed (``trial`` is empty).

    ``cell``: of ``experiment``; None where it cannot start, its data not being at hand; ``why`` says so then.
    """

    row: str
    seed: int
    trial: tuple[str, ...]
    experiment: Experiment
    cell: Cell | None
    why: str = ""

    @property
    def digest(self) -> str:
        """The config hash of the run."""
        assert self.cell is not None
        return self.cell.config_hash


@dataclass(frozen=True)
class Found:
    """What became of a wanted run: its run directory, or why there is none."""

    run: Path | None
    why: str = ""


class RowPlan:
    """Plans the runs of a table's rows: what a row is composed from, what its trials chose, ``overrides`` of the command line.

    ``names``: what to call each run that was planned, by config hash.
    """

    def __init__(self, table: TableConfig, overrides: Sequence[str] = ()) -> None:
        self.table, self._overrides = table, list(overrides)
        self._compose, self._planner = Composer(), Planner()
        self.names: dict[str, str] = {}

    def finals(self, chosen: Mapping[str, Sequence[str]]) -> list[Wanted]:
        """Every seed of the rows that ``chosen`` names, with the overrides that it holds for them."""
        return [
            self._wanted(name, seed, [], [*self.table.words(name), *words, *self._overrides, f"seed={seed}"])
            for name, words in chosen.items()
            for seed in self.table.seeds
        ]

    def _wanted(self, row: str, seed: int, trial: Sequence[str], words: list[str]) -> Wanted:
        experiment = self._compose(words)
        try:
            cell = self._planner.plan(experiment)
        except UserError as error:
            return Wanted(row, seed, tuple(trial), experiment, None, str(error))
        wanted = Wanted(row, seed, tuple(trial), experiment, cell)
        name = " ".join([row, "trial", *trial]) if trial else f"{row} seed {seed}"
        if self.names.setdefault(wanted.digest, name) != name:  # a run of several rows
            self.names[wanted.digest] = cell.label
        if cell.backbone is not None:
            self.names[cell.backbone.config_hash] = cell.backbone.label
        return wanted


class TablePlan(RowPlan):
    """What a table wants. Rows that are not built (``built: false``) are left out.

    Parameters
    ----------
    overrides: of the command line, applied to every run, last.

    ``trials``: of all rows. ``outputs``: the folder of the run directories.

    Raises
    ------
    UserError: a configuration that does not compose. What trials choose is composed after them: ``finals`` raises it then.
    """

    def __init__(self, table: TableConfig, overrides: Sequence[str] = ()) -> None:
        super().__init__(table, overrides)
        last = [*overrides, f"seed={table.tuning.seed}", *table.tuning.overrides]
        self.trials = [
            self._wanted(name, table.tuning.seed, trial, [*table.words(name), *trial, *last])
            for name, row in table.built.items()
            for trial in combinations(row.tune)
            if trial
        ]
        self.finals({name: [] for name in table.built})  # mistakes of rows that are not tuned are found now
        self.outputs = Path(self._compose(self._overrides).config.paths.outputs)

    def choose(self, found: Sequence[Found]) -> dict[str, RowRuns]:
        """The rows with their trials, what became of which is ``found``, and with what the best of them was given.

        Raises
        ------
        UserError: a trial whose run does not report ``tuning.metric``.
        """
        tuning = self.table.tuning
        rows = {name: RowRuns() for name in self.table.built}
        for wanted, item in zip(self.trials, found, strict=True):
            score = None if item.run is None else _score(item.run, tuning.metric)
            rows[wanted.row].trials.append(Trial(list(wanted.trial), score, item.why or str(item.run)))
        for row in rows.values():
            if row.trials and all(trial.score is None for trial in row.trials):
                why = f"every trial failed, the first with: {row.trials[0].run}"
                row.failed = dict.fromkeys(self.table.seeds, why)
            else:
                row.chosen = best_trial(row.trials, tuning.mode)
        return rows


def _score(run: Path, metric: str) -> float | None:
    record = RunDirectory.open(run).record
    if metric not in record.summary:
        reported = ", ".join(sorted(record.summary))
        raise UserError(f"tuning.metric: {run} reports no '{metric}', but {reported}")
    return record.number(metric)
