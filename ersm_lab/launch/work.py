"""What happens in the process of a job, whoever started it: one run, everything printed going to its log."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path

from ersm_lab.errors import UserError
from ersm_lab.launch.cells import Cell


def work(cell: Cell, log: Path, folder: Path, threads: int | None = None) -> tuple[str, str]:
    """Trains ``cell``; ``("done", run directory)`` or ``("failed", one line)``.

    Parameters
    ----------
    log: takes over standard output and error of this process.
    folder: relative paths of the configuration are meant from here.
    threads: for torch, where the configuration does not say.
    """
    with log.open("w", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        os.chdir(folder)
        # by name: what is launched is the trainer, but the launcher itself needs none of it
        train = import_module("ersm_lab.training.run").train
        if threads and cell.experiment.config["trainer"]["threads"] is None:
            import_module("torch").set_num_threads(threads)
        return "done", str(train(cell.experiment, cell.record).path)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return "failed", str(error)
    except BaseException as error:
        traceback.print_exc()
        return "failed", first_line(error)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def first_line(error: BaseException) -> str:
    """Kind and message of an error in one line of bounded length."""
    text = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {text}"[:300]


def ended(code: int | None) -> str:
    """What an exit code says about a process that could not speak for itself."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        guess = ", by hand or because memory ran out" if -code == signal.SIGKILL else ""
        return f"killed by signal {-code} ({name}{guess})"
    return f"exit code {code}"
