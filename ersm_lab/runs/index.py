"""Finding runs again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ersm_lab.errors import UserError
from ersm_lab.runs.directory import RunDirectory


def find_runs(outputs: Path, paper: str | None = None, experiment: str | None = None) -> list[RunDirectory]:
    """Every readable run below ``outputs``, newest first."""
    # an experiment's name may hold slashes: look for records, not for a depth
    folder = outputs / (paper or "") / (experiment or "") if paper else outputs
    found = []
    for place, folders, files in os.walk(folder):
        if "run.json" in files:
            folders.clear()  # what lies in a run is its own: trackers leave thousands of files
            try:
                found.append(RunDirectory.open(place))
            except UserError:
                continue  # of another version, or damaged: not one that can be used
        folders[:] = [name for name in folders if not name.startswith(".")]
    return sorted(found, key=lambda run: run.path.name, reverse=True)


def find_finished(outputs: Path, config_hash: str, package_digest: str | None = None) -> RunDirectory | None:
    """The newest finished run with this hash (and made by this package, when a digest is given), or None."""
    for run in find_runs(outputs):
        try:
            record = run.record
        except (OSError, json.JSONDecodeError):
            continue
        same_code = package_digest is None or record.get("package_digest") == package_digest
        if record.get("status") == "finished" and record.get("config_hash") == config_hash and same_code:
            return run
    return None
