"""A process for each run, some at a time; what is finished is not run again.

Processes are forked from a server that has imported the libraries once, so that a run starts in milliseconds in place of
the seconds that those imports take, and a run that dies takes nobody with it.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from ersm_lab.launch.cells import Cell


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: ``state`` is done, skipped (finished before) or failed; ``path`` its run directory or log."""

    cell: Cell
    state: str
    path: Path
    message: str = ""


def run_cells(
    cells: Sequence[Cell],
    jobs: int = 1,
    refresh: bool = False,
    report: Callable[[Outcome, int, int], None] | None = None,
) -> list[Outcome]:
    """Runs what is missing, ``jobs`` at a time, and returns an outcome per cell in their order.

    Parameters
    ----------
    cells: what is wanted; equal cells are run once.
    jobs: processes at a time.
    refresh: run finished cells again.
    report: called with each outcome, the number done so far and the total.
    """
    outcomes: dict[int, Outcome] = {}
    queue: list[int] = []
    first_of: dict[str, int] = {}

    def settle(index: int, outcome: Outcome) -> None:
        outcomes[index] = outcome
        if report is not None:
            report(outcome, len(outcomes), len(cells))

    for index, cell in enumerate(cells):
        done = None if refresh else cell.finished()
        if done is not None:
            settle(index, Outcome(cell, "skipped", done))
        elif first_of.setdefault(cell.record["config_hash"], index) == index:
            queue.append(index)
    running: dict[Any, tuple[int, Any, Path]] = {}
    try:
        while queue or running:
            while queue and len(running) < max(1, jobs):
                index = queue.pop(0)
                process, receiver, log = _start(cells[index], jobs)
                running[process.sentinel] = (index, (process, receiver), log)
            for sentinel in wait(list(running)):
                index, (process, receiver), log = running.pop(sentinel)
                settle(index, _outcome(cells[index], process, receiver, log))
    finally:
        for _, (process, _), _ in running.values():
            process.terminate()
    for index, cell in enumerate(cells):  # equal cells share the outcome of the first
        if index not in outcomes:
            settle(index, outcomes[first_of[cell.record["config_hash"]]])
    return [outcomes[index] for index in range(len(cells))]


def run_one(cell: Cell) -> Path:
    """Runs one cell in a process of its own, output to this terminal; raises ``SystemExit`` when it fails."""
    print(f"running {cell.label} first", flush=True)
    outcome = run_cells([cell], report=None)[0]
    if outcome.state == "failed":
        sys.exit(f"error: {cell.label} failed: {outcome.message} (log: {outcome.path})")
    return outcome.path


def _start(cell: Cell, jobs: int) -> tuple[Any, Any, Path]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ersm_lab.launch.preload"])
    logs = Path(cell.experiment.config["paths"]["outputs"]) / ".launch"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{time.strftime('%Y%m%d_%H%M%S')}-{cell.record['config_hash'][:8]}-{os.getpid()}.log"
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_job, args=(cell, log, sender, jobs), daemon=False)
    process.start()
    sender.close()
    return process, receiver, log


def _job(cell: Cell, log: Path, sender: Any, jobs: int) -> None:
    """In the child: everything printed goes to the log; the run directory, or the error, comes back."""
    with log.open("w", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        from ersm_lab.errors import UserError

        # by name: what is launched is the trainer, but the launcher itself needs none of it
        train = import_module("ersm_lab.training.run").train

        if jobs > 1 and cell.experiment.config["trainer"]["threads"] is None:
            # n runs that each take all cores are slower than n runs that share them
            import torch

            torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))
        try:
            sender.send(("done", str(train(cell.experiment, cell.record).path)))
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            sender.send(("failed", str(error)))
            sys.exit(1)
        except BaseException as error:
            sender.send(("failed", f"{type(error).__name__}: {error}"))
            raise


def _outcome(cell: Cell, process: Any, receiver: Any, log: Path) -> Outcome:
    process.join()
    try:
        state, text = receiver.recv() if receiver.poll() else ("failed", "")
    except EOFError:
        state, text = "failed", ""
    receiver.close()
    if state == "done":
        return Outcome(cell, "done", Path(text))
    code = process.exitcode
    message = text or (f"killed by signal {-code}" if code and code < 0 else f"exit code {code}")
    return Outcome(cell, "failed", log, message)
