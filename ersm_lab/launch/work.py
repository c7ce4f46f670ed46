"""What happens in the process of a job, whoever started it: one run, everything printed going to its log."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path

from ersm_lab.core.errors import UserError, kind_and_message
from ersm_lab.launch.jobs import Answer
from ersm_lab.launch.turns import in_turn
from ersm_lab.plan.cells import Cell


def work(cell: Cell, log: Path, folder: Path, threads: int | None = None) -> Answer:
    """Trains ``cell``, unless another process does or has done so.

    Parameters
    ----------
    log: takes over standard output and error of this process.
    folder: relative paths of the configuration are meant from here.
    threads: for torch, where the configuration does not say.
    """
    try:
        with log.open("w", buffering=1) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.chdir(folder)
        # by name: what is launched is the trainer, but the launcher itself needs none of it
        train = import_module("ersm_lab.training.run").train
        if threads and cell.experiment.config.trainer.threads is None:
            import_module("torch").set_num_threads(threads)
        return in_turn(cell, lambda: train(cell.experiment, cell.identity).path)
    except UserError as error:
        with contextlib.suppress(OSError):  # a full disk takes no log, but the answer gets through
            print(f"error: {error}", file=sys.stderr)
        return Answer("failed", str(error))
    except BaseException as error:
        with contextlib.suppress(OSError):
            traceback.print_exc()
        return Answer("failed", first_line(error))
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()


def first_line(error: BaseException) -> str:
    """Kind and message of an error in one line of bounded length; one about memory begins with ``out of memory``."""
    what = kind_and_message(error, limit=300)
    return f"out of memory: {what}" if _is_about_memory(error) else what


def _is_about_memory(error: BaseException) -> bool:
    """CUDA's, Python's and Ray's own exceptions, and what torch raises as a plain error."""
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
        return True
    text = str(error).lower()
    signs = ("out of memory", "can't allocate memory", "cannot allocate memory", "out of shared memory")
    return any(sign in text for sign in signs)


def ended(code: int | None, starved: bool = False) -> str:
    """What an exit code says about a process that could not speak for itself.

    ``starved``: the kernel killed a process for want of memory meanwhile.
    """
    if code == -signal.SIGKILL and starved:
        return "out of memory: killed by the kernel (signal 9, SIGKILL)"
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        guess = ", by hand or because memory ran out" if -code == signal.SIGKILL else ""
        return f"killed by signal {-code} ({name}{guess})"
    return f"exit code {code}"


def oom_kills() -> int:
    """How many processes of this machine the kernel has killed for want of memory; 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
