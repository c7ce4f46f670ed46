"""A process for each run, some at a time; what is finished is not run again."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ersm_lab.launch.cells import Cell
from ersm_lab.launch.gpus import visible_gpus
from ersm_lab.launch.local import LocalLauncher
from ersm_lab.launch.work import first_line
from ersm_lab.runs.index import finished_runs


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: ``state`` is done, skipped (finished before) or failed; ``path`` its run directory or log."""

    cell: Cell
    state: str
    path: Path
    message: str = ""
    seconds: float = 0.0


class Launcher(Protocol):
    """Starts jobs somewhere. ``slots`` is how many may be under way at once."""

    slots: int

    def start(self, cell: Cell, log: Path) -> Any: ...
    def wait(self, jobs: Sequence[Any], seconds: float) -> Sequence[Any]: ...
    def result(self, job: Any) -> tuple[str, str]: ...
    def cancel(self, jobs: Sequence[Any]) -> None: ...


class Watcher:
    """Told what happens in a pool; this one does nothing with it."""

    def expect(self, more: int) -> None: ...
    def started(self, cell: Cell) -> None: ...
    def settled(self, outcome: Outcome) -> None: ...
    def tick(self) -> None: ...


def drive(cells: Iterable[Cell], launcher: Launcher, watcher: Watcher | None = None) -> Iterator[Outcome]:
    """Runs every cell, and yields each outcome as it comes.

    ``cells`` is read only when a slot is free, so that it may depend on the outcomes so far. Leaving the iteration
    early, or an interrupt, ends what is running.
    """
    watcher = watcher or Watcher()
    waiting = iter(cells)
    more = True
    running: dict[Any, tuple[Cell, Path, float]] = {}
    try:
        while more or running:
            while more and len(running) < launcher.slots:
                cell = next(waiting, None)
                if cell is None:
                    more = False
                    break
                log = _log(cell)
                try:
                    job = launcher.start(cell, log)
                except OSError as error:  # no memory or no process left for it: the others may still fit
                    log.write_text(f"{error}\n")
                    yield Outcome(cell, "failed", log, f"not started: {first_line(error)}")
                    continue
                running[job] = (cell, log, time.monotonic())
                watcher.started(cell)
            for job in launcher.wait(list(running), 0.5) if running else ():
                cell, log, start = running.pop(job)
                state, text = launcher.result(job)
                seconds = time.monotonic() - start
                done = state == "done"
                yield Outcome(cell, state, Path(text) if done else log, "" if done else text, seconds)
            watcher.tick()
    finally:
        launcher.cancel(list(running))


def run_cells(
    cells: Sequence[Cell],
    jobs: int = 1,
    refresh: bool = False,
    report: Callable[[Outcome, int, int], None] | None = None,
    launcher: Launcher | None = None,
    watcher: Watcher | None = None,
) -> list[Outcome]:
    """Runs what is missing, ``jobs`` at a time, and returns an outcome per cell in their order.

    Parameters
    ----------
    cells: what is wanted; equal cells are run once.
    jobs: processes at a time.
    refresh: run finished cells again.
    report: called with each outcome, the number done so far and the total.
    launcher: where they run; processes of this machine by default, ``jobs`` of them.
    watcher: told what starts and ends meanwhile.
    """
    watcher = watcher or Watcher()
    outcomes: dict[int, Outcome] = {}
    wanted: dict[str, list[int]] = {}

    def settle(index: int, outcome: Outcome) -> None:
        outcomes[index] = outcome
        watcher.settled(outcome)
        if report is not None:
            report(outcome, len(outcomes), len(cells))

    finished = {} if refresh else finished_runs({_outputs(cell) for cell in cells})
    for index, cell in enumerate(cells):
        done = finished.get((_outputs(cell), cell.record["config_hash"]))
        if done is not None:
            settle(index, Outcome(cell, "skipped", done))
        else:
            wanted.setdefault(cell.record["config_hash"], []).append(index)
    if wanted:
        launcher = launcher or LocalLauncher(jobs, visible_gpus())
        for outcome in drive((cells[indices[0]] for indices in wanted.values()), launcher, watcher):
            for index in wanted[
                outcome.cell.record["config_hash"]
            ]:  # equal cells share the outcome of the first
                settle(index, outcome)
    return [outcomes[index] for index in range(len(cells))]


def run_one(cell: Cell) -> Path:
    """Runs one cell in a process of its own; raises ``SystemExit`` when it fails."""
    print(f"running {cell.label} first", flush=True)
    outcome = run_cells([cell], report=None)[0]
    if outcome.state == "failed":
        sys.exit(f"error: {cell.label} failed: {outcome.message} (log: {outcome.path})")
    return outcome.path


def _outputs(cell: Cell) -> Path:
    return Path(cell.experiment.config["paths"]["outputs"])


def _log(cell: Cell) -> Path:
    logs = (_outputs(cell) / ".launch").absolute()
    logs.mkdir(parents=True, exist_ok=True)
    return logs / f"{time.strftime('%Y%m%d_%H%M%S')}-{cell.record['config_hash'][:8]}-{os.getpid()}.log"
