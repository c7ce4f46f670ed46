"""A search by Optuna in place of a full grid: trials go through the pool, and the same command goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.files.locks import hold
from ersm_lab.launch.jobs import AnyLauncher, Outcome, Watcher, Watchers
from ersm_lab.launch.pool import drive
from ersm_lab.launch.run import backbone_run
from ersm_lab.plan.cells import Cell
from ersm_lab.plan.planner import Planner
from ersm_lab.plan.states import FinishedRuns
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.sweeps.record import SweepRecord, sweep_folder
from ersm_lab.sweeps.request import SweepRequest
from ersm_lab.sweeps.space import split_space
from ersm_lab.sweeps.study import Question, Study


class Search:
    """The trials of a study, as a stream of cells for the pool.

    Parameters
    ----------
    request: of the command line; its words hold the space.

    Raises
    ------
    UserError: a space or a configuration that cannot be, before anything runs.
    """

    def __init__(self, request: SweepRequest) -> None:
        assert request.search is not None
        self.request, self.goal = request, request.search
        self.fixed, self.space = split_space(request.words)
        if not self.space:
            raise UserError(
                "a search needs a dimension: key='interval(LOW,HIGH)', key='range(1,5)' or key=a,b,c"
            )
        for end in (0, -1):  # a mistake in the words, or at either end of a dimension, is found now
            base = compose_experiment([*self.fixed, *(f"{one.key}={one.ends()[end]}" for one in self.space)])
        self.outputs = Path(base.config.paths.outputs)
        identity = {
            "fixed": sorted(word for word in self.fixed if not word.startswith(("paths.", "logger"))),
            "space": [asdict(one) for one in self.space],
            "goal": [self.goal.metric, self.goal.mode],
        }
        self.folder = sweep_folder(self.outputs, request.name, identity)
        self.study = Study(self.folder / "study.db", self.goal, self.space)
        self.outcomes: list[Outcome] = []
        self._planner = Planner()
        self._waiting: dict[str, list[Question]] = {}

    def cells(self, wanted: int, launcher: AnyLauncher, watcher: Watcher) -> Iterator[Cell]:
        """``wanted`` trials, each chosen when a place is free. One that is finished on disk is told without running."""
        finished = FinishedRuns({self.outputs})
        bases: dict[str, Path] = {}
        for _ in range(wanted):
            question = self.study.ask()
            cell = self._planner.plan(compose_experiment([*self.fixed, *question.overrides]))
            if cell.config_hash in self._waiting:  # as good as one that is running
                self._waiting[cell.config_hash].append(question)
                continue
            self._waiting[cell.config_hash] = [question]
            if (run := finished.of(cell)) is not None:
                self.settle(Outcome(cell, "skipped", run), watcher)
                continue
            if cell.backbone is not None:
                digest = cell.backbone.config_hash
                if digest not in bases:
                    bases[digest] = backbone_run(cell.backbone, launcher, watcher=watcher)
                cell = cell.on(bases[digest])
            yield cell

    def settle(self, outcome: Outcome, watcher: Watcher) -> None:
        """Tells the study how a cell ended; a run without a finite value of the metric counts as failed."""
        value = None if outcome.state == "failed" else self._value(outcome.path)
        if outcome.state != "failed" and value is None:
            outcome = replace(outcome, state="failed", message=f"{self.goal.metric} is not finite")
        self.outcomes.append(outcome)
        watcher.settled(outcome)
        for question in self._waiting.pop(outcome.cell.config_hash):
            self.study.tell(question, value, outcome.path)

    def _value(self, run: Path) -> float | None:
        """The run's metric; None where it is not finite. Raises ``UserError`` where the run does not report it."""
        record = RunDirectory.open(run).record
        if self.goal.metric not in record.summary:
            known = ", ".join(sorted(record.summary))
            raise UserError(f"sweep.search.metric: {run} reports no '{self.goal.metric}', but {known}")
        return record.number(self.goal.metric)


def run_search(search: Search, launcher: AnyLauncher, watcher: Watcher) -> list[Outcome]:
    """Runs the trials that the study lacks, and returns how their cells ended.

    Raises ``UserError`` when another process is at work on the same study.
    """
    study = search.study
    with alone(search.folder):
        study.open(launcher.slots)
        wanted = study.missing()
        watcher.expect(wanted)
        record = SweepRecord(search.folder, search.request, {})
        watcher = Watchers(watcher, record)
        outcomes: list[Outcome] | None = None
        try:
            for outcome in drive(search.cells(wanted, launcher, watcher), launcher, watcher):
                search.settle(outcome, watcher)
            outcomes = search.outcomes
        finally:
            record.close(outcomes, best=_best_record(search))
    return outcomes


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time for a study. Raises ``UserError`` where another has it."""
    with hold(folder / "lock") as file:
        if file is None:
            raise UserError(f"another process is at work on this search ({folder})")
        yield


def _best_record(search: Search) -> dict[str, object] | None:
    best = search.study.best()
    if best is None:
        return None
    found = {"trial": best.number, "trials": len(search.study.finished())}
    return {search.goal.metric: best.value, **found, "overrides": best.overrides, "run": best.run}
