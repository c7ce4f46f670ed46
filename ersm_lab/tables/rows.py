"""What there is of a table's rows: their runs by seed, and the trials that chose how they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Trial:
    """One combination of what a row is tuned over.

    ``score``: of its run on validation; None where there is no run. ``run``: its run directory, or why there is none.
    """

    overrides: list[str]
    score: float | None
    run: str


@dataclass
class RowRuns:
    """Of one row: the overrides of its best trial, every trial, run directories by seed, and reasons of failure by seed."""

    chosen: list[str] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    runs: dict[int, Path] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


def best_trial(trials: list[Trial], mode: str) -> list[str]:
    """The overrides of the best trial; the first of equals; none where no trial has a score.

    mode: ``max`` or ``min``, which score is better.
    """
    scored = [(trial.score, trial.overrides) for trial in trials if trial.score is not None]
    if not scored:
        return []
    sign = 1 if mode == "max" else -1
    return max(scored, key=lambda item: sign * item[0])[1]
