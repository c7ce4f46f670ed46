"""A tracker is a convenience: whatever it raises becomes one line, and the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from ersm_lab.core.errors import kind_and_message

P = ParamSpec("P")
T = TypeVar("T")


def say(line: str) -> None:
    """One line for people. Printed, because a run's log keeps what is printed: it is found there too."""
    print(line, flush=True)


class Guard:
    """Calls functions of one tracker and never raises an ``Exception``; only the first failure is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.failures = 0

    def __call__(self, doing: str, function: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T | None:
        """``function(*args, **keywords)``, or None and one line that says what ``doing`` did not work."""
        try:
            return function(*args, **keywords)
        except Exception as error:
            self.failures += 1
            if self.failures == 1:
                say(
                    f"warning: {self.name}: {doing} failed, the run goes on without it ({kind_and_message(error)})"
                )
            return None


class GuardedLogger:
    """Put before a Lightning logger among the base classes, it keeps the logger's failures from the trainer.

    Every call goes on to the logger even after a failure: a full disk or a lost server may recover.
    """

    # set by whoever builds the logger, before its first use
    guard: Guard

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.guard("writing metrics", super().log_metrics, metrics, step)  # type: ignore[misc]

    def log_hyperparams(self, params: object, *args: object, **keywords: object) -> None:
        """Nothing: a tracker gets the resolved configuration when it is built, which says more."""

    def log_graph(self, *args: object, **keywords: object) -> None:
        """Nothing: graphs are not recorded."""

    def after_save_checkpoint(self, checkpoint_callback: object) -> None:
        """Nothing: checkpoints are published when they are final."""

    def save(self) -> None:
        self.guard("saving metrics", super().save)  # type: ignore[misc]

    def finalize(self, status: str) -> None:
        self.guard("closing the history", super().finalize, status)  # type: ignore[misc]
