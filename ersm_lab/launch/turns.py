"""Advisory locks on cells: one process at a time, whoever started it. Two equal sweeps share the work and run nothing twice."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.files.locks import hold
from ersm_lab.launch.jobs import Answer
from ersm_lab.plan.cells import Cell
from ersm_lab.runs.directory import RunDirectory


def is_held(cell: Cell) -> bool:
    """Whether a process is running an equal cell now, as far as this folder's locks reach; see ``files.locks``."""
    path = _lock(cell)
    if not path.exists():
        return False
    with hold(path) as file:
        return file is None


def answer(cell: Cell) -> Path | None:
    """The run of an equal cell that finished under this lock, and not before ``cell.asked``; else None."""
    path = _lock(cell)
    try:
        run = RunDirectory.open(path.parents[2] / path.read_text(encoding="utf-8").strip())
        record = run.record
    except (OSError, UserError, ValueError):
        return None  # nobody ran it yet, or its run is gone or was killed
    if record.status != "finished" or record.timings.finished is None:
        return None
    ended = datetime.fromisoformat(record.timings.finished).timestamp()
    return run.path if record.config_hash == cell.config_hash and ended >= cell.asked else None


def in_turn(cell: Cell, run: Callable[[], Path]) -> Answer:
    """``run`` under the cell's lock: ``done`` with the directory that it returns, ``skipped`` where another process has finished an
    equal cell, ``held`` where one is at it now."""
    path = _lock(cell)
    with hold(path) as file:
        if file is None:
            return Answer("held")
        if (found := answer(cell)) is not None:
            return Answer("skipped", str(found))
        folder = run()
        with contextlib.suppress(OSError):  # a disk that is full now takes nothing from a finished run
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), str(folder.relative_to(path.parents[2])).encode())
        return Answer("done", str(folder))


def _lock(cell: Cell) -> Path:
    return cell.outputs / ".launch" / "locks" / cell.config_hash[:16]
