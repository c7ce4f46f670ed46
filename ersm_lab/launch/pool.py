"""A process for each run, some at a time; what is finished is not run again."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ersm_lab.launch.gpus import visible_gpus
from ersm_lab.launch.local import LocalLauncher
from ersm_lab.launch.turns import answer, is_held
from ersm_lab.launch.work import first_line
from ersm_lab.plan.cells import Cell
from ersm_lab.runs.index import finished_runs

_AGAIN = 20.0  # seconds before a job that found its cell taken is started again


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
    """Told what happens in a pool; this one only says what it waits for."""

    def expect(self, more: int) -> None: ...
    def started(self, cell: Cell) -> None: ...
    def held(self, cell: Cell) -> None:
        print(f"{cell.label} is being run by another process: waiting for it", flush=True)

    def settled(self, outcome: Outcome) -> None: ...
    def tick(self) -> None: ...


def drive(cells: Iterable[Cell], launcher: Launcher, watcher: Watcher | None = None) -> Iterator[Outcome]:
    """Runs every cell, and yields each outcome as it comes.

    ``cells`` is read only when a slot is free, so that it may depend on the outcomes so far. A cell that another process
    runs is not run twice: its turn comes last, and the other's finished run is its outcome. Leaving the iteration
    early, or an interrupt, ends what is running.
    """
    watcher = watcher or Watcher()
    waiting = iter(cells)
    more = True
    running: dict[Any, tuple[Cell, Path, float]] = {}
    held: list[tuple[Cell, float]] = []  # cells that another process runs, and when to look again

    def ready() -> Cell | None:
        """The next cell that nobody runs; what is held elsewhere comes when there is nothing else to do."""
        nonlocal more
        while more:
            if (cell := next(waiting, None)) is None:
                more = False
            elif is_held(cell):
                held.append((cell, 0.0))
                watcher.held(cell)
            else:
                return cell
        for entry in held:
            if time.monotonic() >= entry[1] and not is_held(entry[0]):
                held.remove(entry)
                return entry[0]
        return None

    try:
        while more or running or held:
            while len(running) < launcher.slots and (cell := ready()) is not None:
                if (found := answer(cell)) is not None:
                    yield Outcome(cell, "skipped", found, "another process ran it meanwhile")
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
            if held and not running:
                time.sleep(0.5)
            for job in launcher.wait(list(running), 0.5) if running else ():
                cell, log, start = running.pop(job)
                state, text = launcher.result(job)
                if state == "held":  # taken since it was started
                    held.append((cell, time.monotonic() + _AGAIN))
                    watcher.held(cell)
                    continue
                seconds = time.monotonic() - start
                if state == "failed":
                    yield Outcome(cell, state, log, text, seconds)
                else:
                    note = "another process ran it meanwhile" if state == "skipped" else ""
                    yield Outcome(cell, state, Path(text), note, seconds)
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

    if refresh:
        cells = [replace(cell, asked=time.time()) for cell in cells]
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
