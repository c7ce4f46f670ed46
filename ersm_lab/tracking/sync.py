"""Uploading what was recorded offline: ``ersm-lab wandb sync``. W&B's own command does it; this one finds the runs."""

from __future__ import annotations

import netrc
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlparse

from ersm_lab.core.errors import UserError
from ersm_lab.runs.directory import EvaluationDirectory, RunDirectory

# seconds for one run: checkpoints are large, but a lost server must not hold the others for ever
LIMIT = 3600.0


def has_key() -> bool:
    """Whether the environment or the user's netrc has a key for W&B's server. The key itself is not looked at."""
    host = urlparse(os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai").hostname or ""
    try:
        return bool(os.environ.get("WANDB_API_KEY")) or host in netrc.netrc(os.environ.get("NETRC")).hosts
    except (OSError, netrc.NetrcParseError):
        return False


def offline_runs(places: Sequence[Path]) -> list[Path]:
    """Folders of offline runs at or below ``places`` that W&B has not marked as uploaded, oldest first.

    Of a run and of its later evaluations. One that is still being written is left for later: W&B would mark it as
    uploaded, and its rest would never follow.
    """
    found: set[Path] = set()
    for place in places:
        for folder, folders, _ in os.walk(place):
            here = Path(folder)
            if here.name.startswith("offline-run-"):
                found.add(here)
                folders.clear()
            elif here.name == "wandb":
                folders[:] = [name for name in folders if name.startswith("offline-run-")]
            else:
                # a run's arrays and pictures are many and never hold one
                folders[:] = [name for name in folders if name not in ("artifacts", "checkpoints")]
    waiting = (path for path in found if not [*path.glob("*.synced")] and not _is_written(path.parent.parent))
    return sorted(waiting, key=lambda path: path.name)


def _is_written(place: Path) -> bool:
    """Whether the run or evaluation in this folder is at work now."""
    for kind in (RunDirectory, EvaluationDirectory):
        if (place / kind.record_name).is_file():
            try:
                return kind(place).status == "running"
            except (OSError, ValueError, KeyError, TypeError):
                return False
    return False


def sync(places: Sequence[Path], dry_run: bool = False, limit: float = LIMIT) -> int:
    """Uploads them one after the other and prints a line for each; returns 1 when one was not uploaded.

    Raises
    ------
    UserError: a place that does not exist; no key while something waits.
    """
    for place in places:
        if not place.is_dir():
            raise UserError(
                f"{place}: no such folder; give run directories, or nothing for all below outputs"
            )
    runs = offline_runs(places)
    if not runs:
        print(f"nothing to upload below {', '.join(map(str, places))}")
        return 0
    if dry_run:
        print("\n".join(map(str, runs)))
        return 0
    if not has_key():
        raise UserError(
            f"no W&B key: {len(runs)} offline runs wait; log in with `wandb login`, or set WANDB_API_KEY"
        )
    lost = 0
    for count, run in enumerate(runs, 1):
        why = _upload(run, limit)
        lost += why is not None
        print(
            f"[{count}/{len(runs)}] {'failed  ' if why else 'uploaded'} {run}{f': {why}' if why else ''}",
            flush=True,
        )
    return 1 if lost else 0


def _upload(run: Path, limit: float) -> str | None:
    """None, or why the run was not uploaded. A process of its own without a terminal: W&B cannot ask for anything."""
    folder = run.parent
    places = {"DIR": folder.parent, "DATA_DIR": folder}
    places |= {"CACHE_DIR": folder / "cache", "ARTIFACT_DIR": folder / "artifacts"}
    environment = {**os.environ, **{f"WANDB_{name}": str(place) for name, place in places.items()}}
    # offline is what these runs were: uploading them is what is asked for now
    environment.pop("WANDB_MODE", None)
    command = [sys.executable, "-m", "wandb", "sync", str(run)]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {limit:g} s"
    # W&B may end with 0 although nothing arrived: its mark is what counts
    if done.returncode == 0 and [*run.glob("*.synced")]:
        return None
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return said[-1][:200] if said else f"exit code {done.returncode}"
