"""A search by Optuna in the pool: its study lies in an SQLite file, and the same command goes on where it was."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.files.locks import hold
from ersm_lab.launch.jobs import AnyLauncher, Outcome, Watcher, Watchers
from ersm_lab.launch.pool import drive
from ersm_lab.launch.run import run_cells
from ersm_lab.plan.cells import Cell
from ersm_lab.plan.planner import Planner
from ersm_lab.plan.states import FinishedRuns
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.sweeps.record import SweepRecord, sweep_folder
from ersm_lab.sweeps.request import SweepRequest
from ersm_lab.sweeps.space import Dimension, split_space

if TYPE_CHECKING:
    import optuna

_NAME = "search"  # of the study in its file


@dataclass(frozen=True)
class Trial:
    """A finished trial: its number, the value of the metric, what was tried, and the run directory."""

    number: int
    value: float
    overrides: list[str]
    run: str


class Search:
    """Trials of one study, as a stream of cells for the pool.

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
        self.outcomes: list[Outcome] = []
        self._opened: optuna.Study | None = None
        self._planner = Planner()
        self._waiting: dict[str, list[optuna.Trial]] = {}

    @property
    def database(self) -> Path:
        return self.folder / "study.db"

    def finished(self) -> list[Trial]:
        """The finished trials, in their order; none where there is no study yet."""
        if self._opened is None and not self.database.is_file():
            return []
        optuna = _optuna()
        study = self._opened or optuna.load_study(study_name=_NAME, storage=self._storage)
        return [
            Trial(trial.number, trial.value, trial.user_attrs["overrides"], trial.user_attrs["run"])
            for trial in study.get_trials(deepcopy=False)
            if trial.state == optuna.trial.TrialState.COMPLETE and trial.value is not None
        ]

    def missing(self) -> int:
        """How many trials the study still lacks."""
        return max(0, self.goal.trials - len(self.finished()))

    def best(self) -> Trial | None:
        """The best trial so far; the first of equals."""
        sign = 1 if self.goal.mode == "max" else -1
        return max(self.finished(), key=lambda trial: sign * trial.value, default=None)

    def open(self) -> None:
        """Opens or makes the study; trials that an earlier launch did not finish are asked for again, first."""
        optuna = _optuna()
        self.folder.mkdir(parents=True, exist_ok=True)
        direction = {"max": "maximize", "min": "minimize"}[self.goal.mode]
        study = optuna.create_study(
            storage=self._storage, study_name=_NAME, direction=direction, load_if_exists=True
        )
        before = study.get_trials(deepcopy=False)
        study.sampler = self._sampler(len(before))
        states = optuna.trial.TrialState
        settled = [trial.params for trial in before if trial.state in (states.COMPLETE, states.WAITING)]
        for trial in before:
            if trial.state == states.RUNNING:
                study.tell(trial.number, state=states.FAIL)
            whole = len(trial.params) == len(self.space)
            if trial.state in (states.RUNNING, states.FAIL) and whole and trial.params not in settled:
                study.enqueue_trial(trial.params)
                settled.append(trial.params)
        self._opened = study

    def cells(self, wanted: int, launcher: AnyLauncher, watcher: Watcher) -> Iterator[Cell]:
        """``wanted`` trials, each chosen when a place is free. One that is finished on disk is told without running."""
        finished = FinishedRuns({self.outputs})
        bases: dict[str, Path] = {}
        for _ in range(wanted):
            trial = self._study.ask()
            words = [f"{one.key}={one.written(_suggest(trial, one))}" for one in self.space]
            cell = self._planner.plan(compose_experiment([*self.fixed, *words]))
            trial.set_user_attr("overrides", words)
            if cell.config_hash in self._waiting:  # as good as one that is running
                self._waiting[cell.config_hash].append(trial)
                continue
            self._waiting[cell.config_hash] = [trial]
            if run := finished.of(cell):
                self.settle(Outcome(cell, "skipped", run), watcher)
                continue
            if cell.backbone is not None:
                digest = cell.backbone.config_hash
                if digest not in bases:
                    bases[digest] = self._backbone_run(cell.backbone, launcher, watcher)
                cell = cell.on(bases[digest])
            yield cell

    def settle(self, outcome: Outcome, watcher: Watcher) -> None:
        """Tells the study how a cell ended; a run without a finite value of the metric counts as failed."""
        value = None if outcome.state == "failed" else self._value(outcome.path)
        if outcome.state != "failed" and value is None:
            outcome = replace(outcome, state="failed", message=f"{self.goal.metric} is not finite")
        self.outcomes.append(outcome)
        watcher.settled(outcome)
        failed = _optuna().trial.TrialState.FAIL
        for trial in self._waiting.pop(outcome.cell.config_hash):
            trial.set_user_attr("run", str(outcome.path))
            self._study.tell(trial, value, state=failed if value is None else None)

    def _backbone_run(self, backbone: Cell, launcher: AnyLauncher, watcher: Watcher) -> Path:
        (outcome,) = run_cells([backbone], launcher, watcher=watcher)
        if outcome.state == "failed":
            raise UserError(f"the backbone's run failed: {outcome.message} (log: {outcome.path})")
        return outcome.path

    @property
    def _study(self) -> optuna.Study:
        assert self._opened is not None
        return self._opened

    @property
    def _storage(self) -> str:
        return f"sqlite:///{self.database.absolute()}"

    def _sampler(self, before: int) -> optuna.samplers.BaseSampler:
        optuna = _optuna()
        # one that begins again with the same seed would propose the same trials again
        seed = self.goal.seed + before
        if self.goal.sampler == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=self.goal.startup, constant_liar=self.request.launch.jobs > 1
            )

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
    with alone(search.folder):
        search.open()
        wanted = search.missing()
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


def _best_record(search: Search) -> dict[str, object] | None:
    best = search.best()
    if best is None:
        return None
    found = {"trial": best.number, "trials": len(search.finished())}
    return {search.goal.metric: best.value, **found, "overrides": best.overrides, "run": best.run}


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time for a study. Raises ``UserError`` where another has it."""
    with hold(folder / "lock") as file:
        if file is None:
            raise UserError(f"another process is at work on this search ({folder})")
        yield


def _suggest(trial: optuna.Trial, one: Dimension) -> str | float:
    if one.choices:
        return str(trial.suggest_categorical(one.key, one.choices))
    if one.whole:
        return trial.suggest_int(one.key, int(one.low), int(one.high), step=int(one.step or 1), log=one.log)
    return trial.suggest_float(one.key, one.low, one.high, step=one.step, log=one.log)


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError as error:
        raise UserError("a search needs optuna: pip install 'ersm-lab[sweeps]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
