"""A run directory that has just been made."""

from __future__ import annotations

from pathlib import Path

import pytest

from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.record import RunIdentity

CONFIG = {
    "seed": 3,
    "paths": {"outputs": "somewhere"},
    "logger": {"name": "csv"},
    "data": {
        "name": "digits",
        "root": "here",
        "batch_size": 32,
        "options": {"source": {"root": "there", "layout": "digits"}},
    },
    "model": {"variant": "recommended", "backbone": {"checkpoint": None}, "mask": {"temperature": 1.0}},
    "trainer": {"accelerator": "cpu", "precision": "32-true", "accumulate": 1, "progress": "none"},
}
RECORD = {"config_hash": "c0ffee", "package_digest": "f00d", "data_fingerprint": "dada", "seed": 3}


def make(outputs: Path, experiment: str = "demo", **record: object) -> RunDirectory:
    return RunDirectory.create(
        outputs, "ersm", experiment, CONFIG, ["seed=3"], RunIdentity(**{**RECORD, **record})
    )


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return make(tmp_path / "outputs")
