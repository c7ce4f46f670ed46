"""The pool: as many jobs at a time as a launcher takes, a process for each; a cell that another process runs is not run twice."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ersm_lab.launch.jobs import Answer, JobT, Launcher, Outcome, Watcher
from ersm_lab.launch.turns import answer, is_held
from ersm_lab.launch.work import first_line
from ersm_lab.plan.cells import Cell

_AGAIN = 20.0  # seconds before a job that found its cell taken is started again
_ELSEWHERE = "another process ran it meanwhile"


def drive(cells: Iterable[Cell], launcher: Launcher[JobT], watcher: Watcher) -> Iterator[Outcome]:
    """Runs every cell, and yields each outcome as it comes.

    ``cells`` is read only when a place is free, so that it may depend on the outcomes so far. A cell that another process
    runs has its turn last, and the other's finished run is its outcome. Leaving the iteration early, or an interrupt, ends
    what is running.
    """
    queue = _Queue(cells, watcher)
    running: dict[JobT, tuple[Cell, Path, float]] = {}
    try:
        while queue.has_more() or running:
            while len(running) < launcher.slots and (cell := queue.take()) is not None:
                if (found := answer(cell)) is not None:
                    yield Outcome(cell, "skipped", found, _ELSEWHERE)
                    continue
                log = _log(cell)
                try:
                    job = launcher.start(cell, log)
                except OSError as error:  # no memory or no process left for it: the others may still fit
                    with contextlib.suppress(OSError):
                        log.write_text(f"{error}\n")
                    yield Outcome(cell, "failed", log, f"not started: {first_line(error)}")
                    continue
                running[job] = (cell, log, time.monotonic())
                watcher.started(cell)
            if not running and queue.has_more():
                time.sleep(0.5)
            for job in launcher.wait(list(running), 0.5) if running else ():
                cell, log, start = running.pop(job)
                result = launcher.result(job)
                if result.state == "held":  # taken since it was started
                    queue.put_back(cell, _AGAIN)
                else:
                    yield _outcome(cell, result, log, time.monotonic() - start)
            watcher.tick()
    finally:
        launcher.cancel(list(running))


class _Queue:
    """Cells in the order of their turns: those that another process runs come when there is nothing else to do."""

    def __init__(self, cells: Iterable[Cell], watcher: Watcher) -> None:
        self._cells, self._watcher = iter(cells), watcher
        self._more = True
        self._held: list[tuple[Cell, float]] = []  # and when to look again

    def has_more(self) -> bool:
        return self._more or bool(self._held)

    def take(self) -> Cell | None:
        """The next cell that nobody runs, or None for now."""
        while self._more:
            if (cell := next(self._cells, None)) is None:
                self._more = False
            elif is_held(cell):
                self.put_back(cell)
            else:
                return cell
        for entry in self._held:
            if time.monotonic() >= entry[1] and not is_held(entry[0]):
                self._held.remove(entry)
                return entry[0]
        return None

    def put_back(self, cell: Cell, seconds: float = 0.0) -> None:
        """``cell`` is held by another process: its turn comes last, and not before ``seconds`` from now."""
        self._held.append((cell, time.monotonic() + seconds))
        self._watcher.held(cell)


def _outcome(cell: Cell, result: Answer, log: Path, seconds: float) -> Outcome:
    if result.state == "skipped":
        return Outcome(cell, "skipped", Path(result.text), _ELSEWHERE, seconds)
    if result.state == "done":
        return Outcome(cell, "done", Path(result.text), "", seconds)
    return Outcome(cell, "failed", log, result.text, seconds)


def _log(cell: Cell) -> Path:
    logs = (cell.outputs / ".launch").absolute()
    logs.mkdir(parents=True, exist_ok=True)
    return logs / f"{time.strftime('%Y%m%d_%H%M%S')}-{cell.config_hash[:8]}-{os.getpid()}.log"
