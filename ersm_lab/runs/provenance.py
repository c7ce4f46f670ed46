"""Where a result comes from: code, versions, machine, command."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import ersm_lab

_PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "pytorch-lightning",
    "torchmetrics",
    "hydra-core",
    "omegaconf",
    "wandb",
    "numpy",
    "pandas",
    "scikit-learn",
    "pillow",
)


def provenance() -> dict[str, Any]:
    """The fields ``versions git hardware command`` of ``run.json``."""
    return {"versions": versions(), "git": git_state(), "hardware": hardware(), "command": " ".join(sys.argv)}


@functools.cache
def versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"ersm_lab": ersm_lab.__version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def git_state() -> dict[str, Any]:
    """Commit, and digest of what is not committed, of this package's repository; nulls outside of one."""
    root = Path(ersm_lab.__file__).parent
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None or _git(root, "ls-files", "--error-unmatch", "__init__.py") is None:
        return {"commit": None, "dirty": None, "diff_hash": None}
    diff = _git(root, "diff", "HEAD") or ""
    return {
        "commit": commit,
        "dirty": bool(diff),
        "diff_hash": hashlib.sha256(diff.encode()).hexdigest()[:16] if diff else None,
    }


def hardware() -> dict[str, Any]:
    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    return {"platform": platform.platform(), "cpu": _cpu(), "cores": os.cpu_count(), "memory_gib": memory}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
