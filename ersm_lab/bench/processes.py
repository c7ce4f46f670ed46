"""Time and memory of whole commands, each with all the processes that it starts. Imports no torch."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ersm_lab
from ersm_lab.core.errors import UserError

_EVERY = 0.2  # seconds between looks at the memory


@dataclass(frozen=True)
class Cost:
    """Wall time from the command to its end, and the MiB that it and all below it held at most: pages that processes
    share count once, pages of mapped files count. NaN where the system (not Linux) does not say."""

    seconds: float
    memory: float


def lab(*words: str) -> list[str]:
    """``ersm-lab WORDS`` as a command, of this package and no other one that is installed."""
    return [sys.executable, "-m", "ersm_lab", *words]


def spend(command: Sequence[str], code: int = 0, watch: bool = True) -> Cost:
    """Runs ``command`` to its end. ``watch`` False leaves the memory alone, which costs nothing: NaN.

    Raises
    ------
    UserError: it ended with another exit code than ``code``; what it said last is in the message.
    """
    root = str(Path(ersm_lab.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        watcher = _Watcher(process.pid)
        if watch:
            watcher.start()
        try:
            found = process.wait()
            seconds = time.perf_counter() - start
        finally:
            watcher.over.set()
            if process.poll() is None:
                process.terminate()
                process.wait()
        if watch:
            watcher.join()
        if found != code:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()[-5:]
            raise UserError(f"{' '.join(command)} ended with exit code {found}: {' | '.join(lines)}")
    return Cost(seconds, watcher.peak / 1024 if watcher.peak else math.nan)


class _Watcher(threading.Thread):
    """Looks now and then at what a process and its descendants hold; ``peak`` in KiB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.over = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(_EVERY):
            self.peak = max(self.peak, sum(_held(pid) for pid in _family(self.pid)))


def _family(root: int) -> list[int]:
    """``root`` and every process below it, as far as they are still alive."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # the name, in brackets, may hold anything; after it: state, parent
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _held(pid: int) -> int:
    """KiB of one process, its share of what it shares with others; 0 when it has ended."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
