"""A place of its own for every test: data, outputs and caches in a temporary folder, no tracker that calls out."""

from __future__ import annotations

import pytest


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A folder in which the command line may be used as a user would; its path."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATA", "OUTPUTS", "CACHE", "PLUGINS"):
        monkeypatch.delenv(f"ERSM_LAB_{name}", raising=False)
    for name in ("WANDB_API_KEY", "HYDRA_FULL_ERROR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


# A head on a tiny backbone and tiny composites: what most tests of the trainer need, in a second.
TINY = [
    "model.backbone.name=resnet18",
    "model.backbone.small_stem=true",
    "model.backbone.out_index=2",
    "+model.backbone.kwargs={layers: [1, 1, 1, 1], channels: [4, 8, 8, 8]}",
    "data.options.train=30",
    "data.options.val=10",
    "data.options.test=20",
    "data.batch_size=8",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.log_every=1",
    "trainer.threads=1",
    "trainer.progress=none",
    "logger=csv",
    "evaluation.panels=0",
]
