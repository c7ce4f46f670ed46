"""``ersm-lab`` as a user runs it, on the smallest experiment; what is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ersm_lab
from ersm_lab.runs.index import find_runs
from tests.conftest import TINY

ROOT = str(Path(ersm_lab.__file__).parents[1])
SMALL = ["experiment=ersm/digits", "model.backbone.from_experiment=null", *TINY]
SMALL = [*SMALL, "trainer.feature_cache.enabled=false"]
LONG = "trainer.max_epochs=5000"


def lab_command(*words: str, start_new_session: bool = False) -> subprocess.Popen[str]:
    """``ersm-lab WORDS`` in a process of its own, with one thread."""
    path = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "ersm_lab", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        start_new_session=start_new_session,
    )


def finish(process: subprocess.Popen[str], code: int) -> tuple[str, str]:
    """Output and errors of a command that must end with ``code``."""
    out, err = process.communicate(timeout=500)
    assert process.returncode == code, out + err
    return out, err


def runs() -> dict[tuple[int, str], int]:
    """How many run directories there are of each seed and status."""
    found: dict[tuple[int, str], int] = {}
    for run in find_runs(Path("outputs")):
        key = (run.record.seed, run.status)
        found[key] = found.get(key, 0) + 1
    return found
