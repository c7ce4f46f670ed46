"""A finished-looking run directory with one artifact of each kind."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.record import RunIdentity
from ersm_lab.tracking import build_trackers
from ersm_lab.tracking.schema import of_name

mpl.use("Agg")

IDENTITY = {"config_hash": "c0ffee", "data_fingerprint": "dada", "package_digest": "f00d", "seed": 3}


def configuration(**logger):
    wandb = {
        "name": "wandb",
        "mode": "auto",
        "project": "ersm_lab",
        "entity": None,
        "group": None,
        "job_type": None,
    }
    wandb |= {"tags": ["fast"], "init_timeout": 3, "finish_timeout": 10, "log_checkpoints": True}
    return {
        "name": None,
        "seed": 3,
        "model": {
            "_target_": "a.B",
            "variant": "recommended",
            "mask": {"temperature": 1.5, "refine_steps": 0},
        },
        "data": {"name": "digits", "transform": {"mean": [0.25, 0.5], "hflip": True}},
        "logger": wandb | logger,
    }


@pytest.fixture(name="configuration")
def configuration_fixture():
    """A function: a resolved configuration whose W&B settings are replaced by its keywords."""
    return configuration


def trackers_of(config, run, evaluation=None):
    """The trackers of a run with this configuration, given as plain containers."""
    settings = config["logger"]
    return build_trackers(of_name(settings["name"])(**settings), config, run, evaluation)


@pytest.fixture
def identity():
    return IDENTITY


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    import matplotlib.pyplot as plt

    record = RunIdentity(**IDENTITY, upstream={"backbone": "beef"})
    found = RunDirectory.create(tmp_path / "outputs", "ersm", "demo", configuration(), [], record)
    table = pd.DataFrame({"image": ["a", "b"], "correct": [True, False], "auroc": [0.75, np.nan]})
    found.artifacts.table("samples", table, title="Samples")
    figure, axes = plt.subplots(figsize=(1, 1))
    axes.plot([0, 1])
    found.artifacts.figure("panel", figure, title="Panel")
    found.artifacts.array("masks", keep=np.ones(3))
    (found.checkpoints / "best.ckpt").write_bytes(b"best" * 100)
    (found.checkpoints / "last.ckpt").write_bytes(b"last" * 100)
    return found
