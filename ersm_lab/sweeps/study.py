"""Optuna's study of a search: every trial, asked for or finished, in an SQLite file. Nothing else here knows Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ersm_lab.core.errors import UserError
from ersm_lab.sweeps.schema import SearchConfig
from ersm_lab.sweeps.space import Dimension

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


@dataclass(frozen=True)
class Question:
    """A trial that Optuna asks for, with the overrides that it is to be run with."""

    trial: optuna.Trial
    overrides: list[str]


class Study:
    """The study in the file ``database``, which ``open`` makes where it is missing.

    Parameters
    ----------
    goal: what is searched for, and how.
    space: what is tried.
    """

    def __init__(self, database: Path, goal: SearchConfig, space: Sequence[Dimension]) -> None:
        self.database = database
        self._goal, self._space = goal, space
        self._storage = f"sqlite:///{database.absolute()}"
        self._opened: optuna.Study | None = None

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
        return max(0, self._goal.trials - len(self.finished()))

    def best(self) -> Trial | None:
        """The best trial so far; the first of equals."""
        sign = 1 if self._goal.mode == "max" else -1
        return max(self.finished(), key=lambda trial: sign * trial.value, default=None)

    def open(self, jobs: int) -> None:
        """Makes the study, or goes on with it: trials that an earlier launch did not finish are asked for again, first.

        ``jobs``: trials at a time.
        """
        optuna = _optuna()
        self.database.parent.mkdir(parents=True, exist_ok=True)
        direction = {"max": "maximize", "min": "minimize"}[self._goal.mode]
        study = optuna.create_study(
            storage=self._storage, study_name=_NAME, direction=direction, load_if_exists=True
        )
        before = study.get_trials(deepcopy=False)
        study.sampler = self._sampler(len(before), jobs)
        states = optuna.trial.TrialState
        settled = [trial.params for trial in before if trial.state in (states.COMPLETE, states.WAITING)]
        for trial in before:
            if trial.state == states.RUNNING:
                study.tell(trial.number, state=states.FAIL)
            whole = len(trial.params) == len(self._space)
            if trial.state in (states.RUNNING, states.FAIL) and whole and trial.params not in settled:
                study.enqueue_trial(trial.params)
                settled.append(trial.params)
        self._opened = study

    def ask(self) -> Question:
        """The next trial, chosen by what is known by now."""
        assert self._opened is not None
        trial = self._opened.ask()
        overrides = [f"{one.key}={one.written(_suggest(trial, one))}" for one in self._space]
        trial.set_user_attr("overrides", overrides)
        return Question(trial, overrides)

    def tell(self, question: Question, value: float | None, run: Path) -> None:
        """What a trial came to; None: it failed. ``run``: its run directory, or its log."""
        assert self._opened is not None
        question.trial.set_user_attr("run", str(run))
        if value is None:
            self._opened.tell(question.trial, state=_optuna().trial.TrialState.FAIL)
        else:
            self._opened.tell(question.trial, value)

    def _sampler(self, before: int, jobs: int) -> optuna.samplers.BaseSampler:
        library = _optuna()
        # one that begins again with the same seed would propose the same trials again
        seed = self._goal.seed + before
        sampler: optuna.samplers.BaseSampler
        if self._goal.sampler == "random":
            sampler = library.samplers.RandomSampler(seed=seed)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", library.exceptions.ExperimentalWarning)
                startup = self._goal.startup
                sampler = library.samplers.TPESampler(
                    seed=seed, n_startup_trials=startup, constant_liar=jobs > 1
                )
        return sampler


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
