"""The GPUs of this machine, and which job gets which. No torch: a process that touched CUDA could not be forked."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from itertools import takewhile

from ersm_lab.plan.cells import Cell


def visible_gpus() -> list[str]:
    """Names for ``CUDA_VISIBLE_DEVICES``, one per device that may be used here; empty without any.

    The variable itself wins when it is set (empty or ``-1``: none). Otherwise ``nvidia-smi`` is asked: unique names,
    since its order is not CUDA's, and the instances of a GPU that is cut into several.
    """
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        names = (name.strip() for name in said.split(","))
        # CUDA reads up to the first that is no device (-1, an empty word, SLURM's NoDevFiles); twice the same is one device
        return list(dict.fromkeys(takewhile(re.compile(r"\d+$|GPU-|MIG-").match, names)))
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_listing(done.stdout) if done.returncode == 0 else []


def parse_listing(text: str) -> list[str]:
    """Device names in the output of ``nvidia-smi -L``; a GPU with MIG instances gives those in place of itself."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if match := re.search(r"\(UUID: (GPU-[^)]+)\)", line):
            found.append([match[1]])
        elif (match := re.search(r"\(UUID: (MIG-[^)]+)\)", line)) and found:
            found[-1].append(match[1])
    return [name for names in found for name in (names[1:] or names)]


def devices_of(cell: Cell) -> int:
    """How many GPUs a run of ``cell`` asks for."""
    trainer = cell.experiment.config.trainer
    return 0 if trainer.accelerator in ("cpu", "mps") else trainer.devices


class Dealer:
    """Gives each job the devices with the fewest jobs: one each while there are enough, shared evenly when not."""

    def __init__(self, gpus: Sequence[str]) -> None:
        self._load = dict.fromkeys(gpus, 0)

    def take(self, count: int) -> list[str] | None:
        """``count`` devices, or None where there are none to deal out (the job sees what this process sees)."""
        if not self._load or not count:
            return None
        chosen = sorted(self._load, key=lambda name: self._load[name])[:count]  # stable: in the order given
        for name in chosen:
            self._load[name] += 1
        return chosen

    def give_back(self, gpus: Sequence[str] | None) -> None:
        for name in gpus or ():
            self._load[name] -= 1
