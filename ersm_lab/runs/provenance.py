"""Provenance: which code, which versions and which machine a result comes from."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypedDict

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


class Git(TypedDict):
    """The commit, whether anything is not committed, and a digest of that."""

    commit: str | None
    dirty: bool | None
    diff_hash: str | None


@functools.cache
def versions() -> dict[str, str | None]:
    """Of this package, Python and the libraries that a result depends on; None for one that is not installed."""
    found: dict[str, str | None] = {"ersm_lab": ersm_lab.__version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def git_state() -> Git:
    """The state of this package's repository; all None outside of one."""
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


def hardware() -> dict[str, object]:
    """Platform, processor, cores, and memory in GiB, of this machine."""
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
