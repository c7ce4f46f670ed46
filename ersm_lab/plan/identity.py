"""What makes two runs the same run: configuration, data and the runs that it is built on, by hash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ersm_lab.config.compose import Experiment
from ersm_lab.runs.fingerprint import data_fingerprint
from ersm_lab.runs.hashing import config_hash, package_digest
from ersm_lab.runs.record import RunIdentity


def identify(experiment: Experiment, upstream: Mapping[str, str]) -> RunIdentity:
    """The identity of a resolved and checked experiment.

    ``upstream``: config hashes of the runs that it is built on, by role (``{"backbone": ...}``).

    Raises ``UserError`` where its data are missing and cannot be generated.
    """
    data = experiment.config.data
    fingerprint = data_fingerprint(data.layout, Path(data.root), data.options)
    return RunIdentity(
        config_hash=config_hash(experiment.config, fingerprint, upstream),
        data_fingerprint=fingerprint,
        package_digest=package_digest(),
        seed=experiment.config.seed,
        upstream=dict(upstream),
    )
