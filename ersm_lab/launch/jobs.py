"""What a launcher, a watcher and the outcome of a cell are. A job is one cell in the hands of a launcher."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from ersm_lab.plan.cells import Cell

JobT = TypeVar("JobT", bound=Hashable)


class Answer(NamedTuple):
    """What a job came to.

    ``done`` and ``skipped`` (another process had finished an equal cell) with the run directory, ``failed`` with one line that says
    why, ``held`` (another process runs an equal cell now) with nothing.
    """

    state: Literal["done", "skipped", "failed", "held"]
    text: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a cell ended.

    Parameters
    ----------
    state: ``done``, ``skipped`` (it was finished before) or ``failed``.
    path: the run directory; of a failed cell the log.
    message: why it failed, or was skipped where that is not plain; one line.
    seconds: wall clock, waiting for a place not included.
    """

    cell: Cell
    state: Literal["done", "skipped", "failed"]
    path: Path
    message: str = ""
    seconds: float = 0.0


class Launcher(Protocol[JobT]):
    """Starts jobs somewhere. ``slots`` is how many may be under way at once."""

    slots: int

    def start(self, cell: Cell, log: Path) -> JobT:
        """A job for ``cell`` whose output goes to ``log``. Raises ``OSError`` where the machine has no room for it."""
        ...

    def wait(self, jobs: Sequence[JobT], seconds: float) -> Sequence[JobT]:
        """Those that have ended, after ``seconds`` at the latest."""
        ...

    def result(self, job: JobT) -> Answer:
        """What a job that has ended came to."""
        ...

    def cancel(self, jobs: Sequence[JobT]) -> None:
        """Ends jobs that are under way, and lets them close their run directories."""
        ...


AnyLauncher: TypeAlias = Launcher[Any]
"""A launcher whose kind of job is of no interest."""


class Watcher:
    """Told what happens to cells meanwhile. This one takes no notice."""

    def expect(self, more: int) -> None:
        """``more`` cells than were known of before (fewer, where it is negative)."""

    def started(self, cell: Cell) -> None:
        """A job for ``cell`` is under way."""

    def held(self, cell: Cell) -> None:
        """Another process runs an equal cell: this one waits for its end."""

    def settled(self, outcome: Outcome) -> None:
        """A cell has ended."""

    def tick(self) -> None:
        """Called about twice a second."""


class WaitingWatcher(Watcher):
    """Says what is waited for, and nothing else."""

    def held(self, cell: Cell) -> None:
        print(f"another process runs {cell.label}: waiting for it", flush=True)


class Watchers(Watcher):
    """Passes what happens on to several."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def expect(self, more: int) -> None:
        for watcher in self._watchers:
            watcher.expect(more)

    def started(self, cell: Cell) -> None:
        for watcher in self._watchers:
            watcher.started(cell)

    def held(self, cell: Cell) -> None:
        for watcher in self._watchers:
            watcher.held(cell)

    def settled(self, outcome: Outcome) -> None:
        for watcher in self._watchers:
            watcher.settled(outcome)

    def tick(self) -> None:
        for watcher in self._watchers:
            watcher.tick()
