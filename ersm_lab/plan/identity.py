"""What makes two runs the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ersm_lab.config.compose import Experiment
from ersm_lab.runs.fingerprint import data_fingerprint
from ersm_lab.runs.hashing import config_hash, package_digest
from ersm_lab.runs.index import find_finished


def identify(experiment: Experiment, upstream: dict[str, str]) -> dict[str, Any]:
    """The fields of ``run.json`` that identify a run.

    Parameters
    ----------
    experiment: resolved and checked.
    upstream: config hashes of the runs that it is built on, by role (``{"backbone": ...}``).
    """
    data = experiment.config["data"]
    fingerprint = data_fingerprint(data["layout"], Path(data["root"]), data["options"])
    return {
        "config_hash": config_hash(experiment.config, fingerprint, upstream),
        "data_fingerprint": fingerprint,
        "package_digest": package_digest(),
        "seed": experiment.config["seed"],
        "upstream": upstream,
    }


def finished_run(experiment: Experiment, record: dict[str, Any]) -> Path | None:
    """The newest finished run with this config hash, or None. Runs of another package version count."""
    found = find_finished(Path(experiment.config["paths"]["outputs"]), record["config_hash"])
    return None if found is None else found.path
