"""A search by Optuna in the pool: the study lies in a file, and the same command goes on where it was."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.files.locks import hold
from ersm_lab.launch.pool import Launcher, Outcome, Watcher, drive, run_cells
from ersm_lab.plan.cells import Cell, on_backbone
from ersm_lab.plan.graph import Planner
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.index import finished_runs
from ersm_lab.sweeps.record import SweepRecord, sweep_folder
from ersm_lab.sweeps.schema import SweepRequest
from ersm_lab.sweeps.space import Dimension, split_space

_STUDY = "search"


class Search:
    """Trials of one study, as a stream of cells for the pool.

    Parameters
    ----------
    request: of the command line; its words hold the space.
    Raises ``UserError`` for a space or a configuration that cannot be, before anything runs.
    """

    def __init__(self, request: SweepRequest) -> None:
        assert request.search is not None
        self.goal = request.search
        self.fixed, self.space = split_space(request.words)
        if not self.space:
            raise UserError(
                "a search needs a dimension: key='interval(LOW,HIGH)', key='range(1,5)' or key=a,b,c"
            )
        for end in (0, -1):  # a mistake in the words, or at either end of a dimension, is found now
            base = compose_experiment([*self.fixed, *(f"{one.key}={one.ends()[end]}" for one in self.space)])
        self.outputs = Path(base.config["paths"]["outputs"])
        identity = {
            "fixed": sorted(word for word in self.fixed if not word.startswith(("paths.", "logger"))),
            "space": [vars(one) for one in self.space],
            "goal": [self.goal["metric"], self.goal["mode"]],
        }
        self.folder = sweep_folder(self.outputs, request.name, identity)
        self.outcomes: list[Outcome] = []
        self._request = request
        self._planner = Planner()
        self._waiting: dict[str, list[Any]] = {}
        self._asked = 0

    @property
    def database(self) -> Path:
        return self.folder / "study.db"

    def open(self) -> None:
        """Opens or makes the study; trials that an earlier launch did not finish are asked for again, first."""
        optuna = _optuna()
        self.folder.mkdir(parents=True, exist_ok=True)
        storage, mode = f"sqlite:///{self.database.absolute()}", self.goal["mode"]
        direction = {"max": "maximize", "min": "minimize"}[mode]
        study = optuna.create_study(
            storage=storage, study_name=_STUDY, direction=direction, load_if_exists=True
        )
        before = study.get_trials(deepcopy=False)
        # a sampler that begins again with the same seed would propose the same trials again
        seed = self.goal["seed"] + len(before)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.sampler = (
                optuna.samplers.RandomSampler(seed=seed)
                if self.goal["sampler"] == "random"
                else optuna.samplers.TPESampler(
                    seed=seed, n_startup_trials=self.goal["startup"], constant_liar=self._request.jobs > 1
                )
            )
        states = optuna.trial.TrialState
        settled = [trial.params for trial in before if trial.state in (states.COMPLETE, states.WAITING)]
        for trial in before:
            if trial.state == states.RUNNING:
                study.tell(trial.number, state=states.FAIL)
            whole = len(trial.params) == len(self.space)
            if trial.state in (states.RUNNING, states.FAIL) and whole and trial.params not in settled:
                study.enqueue_trial(trial.params)
                settled.append(trial.params)
        self._study, self._states = study, states

    def missing(self) -> int:
        """How many trials the study still lacks."""
        done = sum(trial.state == self._states.COMPLETE for trial in self._study.get_trials(deepcopy=False))
        return max(0, int(self.goal["trials"]) - done)

    def cells(self, wanted: int, launcher: Launcher, watcher: Watcher) -> Iterator[Cell]:
        """``wanted`` trials, each chosen when a slot is free. One that is finished on disk is told without running."""
        finished = finished_runs({self.outputs})
        bases: dict[str, Path] = {}
        while self._asked < wanted:
            self._asked += 1
            trial = self._study.ask()
            words = [f"{one.key}={one.written(_suggest(trial, one))}" for one in self.space]
            planned = self._planner.plan(compose_experiment([*self.fixed, *words]))
            cell, digest = planned.cell, planned.cell.record["config_hash"]
            trial.set_user_attr("overrides", words)
            if digest in self._waiting:  # as good as one that is running
                self._waiting[digest].append(trial)
                continue
            self._waiting[digest] = [trial]
            if run := finished.get((self.outputs, digest)):
                self.settle(Outcome(cell, "skipped", run), watcher)
                continue
            if planned.backbone is not None:
                key = planned.backbone.record["config_hash"]
                if key not in bases:
                    (outcome,) = run_cells([planned.backbone], launcher=launcher, watcher=watcher)
                    if outcome.state == "failed":
                        raise UserError(f"the backbone's run failed: {outcome.message} (log: {outcome.path})")
                    bases[key] = outcome.path
                cell = on_backbone(cell, bases[key])
            yield cell

    def settle(self, outcome: Outcome, watcher: Watcher) -> None:
        """Tells the study how a cell ended; a run without a finite value of the metric counts as failed."""
        value: float | None = None
        if outcome.state != "failed":
            record = RunDirectory.open(outcome.path).record
            name = self.goal["metric"]
            if name not in record.summary:
                raise UserError(
                    f"sweep.search.metric: {outcome.path} reports no '{name}', but {', '.join(sorted(record.summary))}"
                )
            value = record.number(name)
            if value is None:
                outcome = Outcome(
                    outcome.cell, "failed", outcome.path, f"{name} is not finite", outcome.seconds
                )
        self.outcomes.append(outcome)
        watcher.settled(outcome)
        for trial in self._waiting.pop(outcome.cell.record["config_hash"]):
            trial.set_user_attr("run", str(outcome.path))
            if value is None:
                self._study.tell(trial, state=self._states.FAIL)
            else:
                self._study.tell(trial, value)

    def best(self) -> dict[str, Any] | None:
        """Value, overrides and run directory of the best trial so far."""
        done = [
            trial
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state == self._states.COMPLETE and trial.value is not None
        ]
        if not done:
            return None
        sign = 1 if self.goal["mode"] == "max" else -1
        best = max(done, key=lambda trial: sign * trial.value)
        return {
            self.goal["metric"]: best.value,
            "trial": best.number,
            "trials": len(done),
            "overrides": best.user_attrs["overrides"],
            "run": best.user_attrs["run"],
        }


def run_search(search: Search, request: SweepRequest, launcher: Launcher, watch: Any) -> list[Outcome]:
    """Runs what the study lacks; ``watch(total, record)`` gives the context that shows it.

    Raises ``UserError`` when another process is at work on the same study.
    """
    with _alone(search.folder):
        search.open()
        wanted = search.missing()
        fields = {
            "name": request.name, "command": request.said, "launcher": request.launcher, "jobs": request.jobs,
            "search": search.goal,
        }  # fmt: skip
        record = SweepRecord(search.folder, fields, {})
        outcomes: list[Outcome] | None = None
        try:
            with watch(wanted, record) as watcher:
                stream = drive(search.cells(wanted, launcher, watcher), launcher, watcher)
                for outcome in stream:
                    search.settle(outcome, watcher)
            outcomes = search.outcomes
        finally:
            record.close(outcomes, best=search.best())
    return outcomes


def describe(search: Search) -> list[str]:
    """Lines for ``--dry-run``: the space, and what the study has."""
    lines = [f"{one.key}: {_range(one)}" for one in search.space]
    if not search.database.is_file():
        return [*lines, f"0 finished, {search.goal['trials']} missing; the study would be {search.database}"]
    optuna = _optuna()
    study = optuna.load_study(study_name=_STUDY, storage=f"sqlite:///{search.database.absolute()}")
    done = 0
    for trial in study.get_trials(deepcopy=False):
        if trial.state == optuna.trial.TrialState.COMPLETE:
            done += 1
            words = " ".join(trial.user_attrs["overrides"])
            lines.append(f"finished {trial.value:.6g}  {words}  {trial.user_attrs['run']}")
    return [
        *lines,
        f"{done} finished, {max(0, search.goal['trials'] - done)} missing; study: {search.database}",
    ]


def best_lines(search: Search, best: dict[str, Any] | None) -> list[str]:
    """What a search found, and the command that runs it on the test split."""
    if best is None:
        return ["no trial finished"]
    words = [word for word in search.fixed if not word.startswith("evaluation.split=")]
    command = " ".join(shlex.quote(word) for word in [*words, *best["overrides"]])
    return [
        f"best of {best['trials']} trials: {search.goal['metric']} {best[search.goal['metric']]:.6g}  {best['run']}",
        f"  ersm-lab train {command}",
    ]


def _suggest(trial: Any, one: Dimension) -> Any:
    if one.choices:
        return trial.suggest_categorical(one.key, one.choices)
    if one.whole:
        step = int(one.step or 1)
        return trial.suggest_int(one.key, int(one.low), int(one.high), step=step, log=one.log)
    return trial.suggest_float(one.key, one.low, one.high, step=one.step, log=one.log)


def _range(one: Dimension) -> str:
    if one.choices:
        return ", ".join(one.choices)
    kind = " logarithmic" if one.log else ""
    return f"{one.written(one.low)} to {one.written(one.high)}{kind}" + (
        f" by {one.step:g}" if one.step else ""
    )


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise UserError("a search needs optuna: pip install 'ersm-lab[sweeps]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with hold(folder / "lock") as file:
        if file is None:
            raise UserError(f"another process is at work on this search ({folder})")
        yield
