"""Finding runs again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.runs.directory import RunDirectory


def run_folders(folder: Path) -> Iterator[Path]:
    """Every folder at or below ``folder`` with a record of a run, readable or not."""
    # an experiment's name may hold slashes: look for records, not for a depth
    for place, folders, files in os.walk(folder):
        if "run.json" in files:
            folders.clear()  # what lies in a run is its own: trackers leave thousands of files
            yield Path(place)
        folders[:] = [name for name in folders if not name.startswith(".")]


def find_runs(outputs: Path, paper: str | None = None, experiment: str | None = None) -> list[RunDirectory]:
    """Every readable run below ``outputs``, newest first."""
    found = []
    for place in run_folders(outputs / (paper or "") / (experiment or "") if paper else outputs):
        try:
            found.append(RunDirectory.open(place))
        except UserError:
            continue  # of another version, or damaged: not one that can be used
    return sorted(found, key=lambda run: run.path.name, reverse=True)


def finished_runs(folders: Iterable[Path]) -> dict[tuple[Path, str], Path]:
    """The newest finished run of every config hash below each of ``folders``, by (folder, hash), from one look at the disk.

    Runs that another version of the package made count too.
    """
    return {key: run for key, (state, run) in run_states(folders).items() if state == "finished"}


def run_states(folders: Iterable[Path]) -> dict[tuple[Path, str], tuple[str, Path]]:
    """Status and directory of the run that counts for every config hash, by (folder, hash).

    A finished run counts more than one that is running now, and that more than others; of equals the newest.
    """
    rank = {"finished": 0, "running": 1}
    found: dict[tuple[Path, str], tuple[str, Path]] = {}
    for folder in folders:
        for run in find_runs(folder):
            try:
                key, status = (folder, run.record.config_hash), run.status
            except (OSError, ValueError):
                continue
            if key not in found or rank.get(status, 2) < rank.get(found[key][0], 2):
                found[key] = (status, run.path)
    return found
