"""Jobs as processes of this machine, forked from a server that has imported the libraries once.

A run starts in milliseconds in place of the seconds that those imports take, and one that dies takes nobody with it.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from ersm_lab.core.machine import cores
from ersm_lab.launch.gpus import Dealer, devices_of
from ersm_lab.launch.jobs import Answer
from ersm_lab.launch.work import ended, oom_kills, work
from ersm_lab.plan.cells import Cell

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess


@dataclass(eq=False)
class LocalJob:
    """A process, the pipe on which its answer comes, its GPUs, and how often the kernel had killed for memory before."""

    process: ForkServerProcess
    receiver: Connection
    gpus: list[str] | None
    oom_kills: int


class LocalLauncher:
    """``slots`` processes at a time; GPUs are dealt out, one per device that a run asks for."""

    def __init__(self, slots: int = 1, gpus: Sequence[str] = ()) -> None:
        self.slots = max(1, slots)
        self._dealer = Dealer(gpus)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["ersm_lab.launch.preload"])
        # n runs that each take all cores are slower than n runs that share them
        self._threads = _threads(self.slots)

    def start(self, cell: Cell, log: Path) -> LocalJob:
        receiver, sender = self._context.Pipe(duplex=False)
        gpus = self._dealer.take(devices_of(cell))
        process = self._context.Process(
            target=_job, args=(cell, log, Path.cwd(), sender, self._threads, gpus), daemon=False
        )
        try:
            process.start()
        except OSError:
            self._dealer.give_back(gpus)
            receiver.close()
            raise
        finally:
            sender.close()
        return LocalJob(process, receiver, gpus, oom_kills())

    def wait(self, jobs: Sequence[LocalJob], seconds: float) -> list[LocalJob]:
        """Those that have ended, at once when one has, otherwise after ``seconds``."""
        over = set(wait([job.process.sentinel for job in jobs], seconds))
        return [job for job in jobs if job.process.sentinel in over]

    def result(self, job: LocalJob) -> Answer:
        """What a job that has ended came to; one that was killed could not say it itself."""
        job.process.join()
        self._dealer.give_back(job.gpus)
        answer: Answer | None
        try:
            answer = job.receiver.recv() if job.receiver.poll() else None
        except EOFError:
            answer = None
        job.receiver.close()
        return answer or Answer("failed", ended(job.process.exitcode, oom_kills() > job.oom_kills))

    def cancel(self, jobs: Sequence[LocalJob]) -> None:
        """Lets them close their runs, and kills what has not ended after 20 seconds, or at a second Ctrl-C."""
        for job in jobs:
            job.process.terminate()
        try:
            deadline = time.monotonic() + 20
            for job in jobs:
                job.process.join(max(0.0, deadline - time.monotonic()))
        finally:
            for job in jobs:
                if job.process.is_alive():
                    job.process.kill()


def _threads(slots: int) -> int | None:
    """A share of the cores that this process may use; None where there is nothing to share, or the user has said it."""
    if slots == 1 or os.environ.get("OMP_NUM_THREADS"):
        return None
    return max(1, cores() // slots)


def _job(
    cell: Cell, log: Path, folder: Path, sender: Connection, threads: int | None, gpus: list[str] | None
) -> None:
    if sys.platform == "linux":
        # when the sweep is killed outright its server ends, and its runs with it, as an interrupted run ends
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    answer = work(cell, log, folder, threads)
    sender.send(answer)
    sender.close()
    if answer.state == "failed":
        sys.exit(1)
