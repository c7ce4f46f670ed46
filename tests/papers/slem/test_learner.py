"""The entropy learner as a LightningModule, and its schema."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from ersm_lab.papers.slem import EntropyLearner, spatial_learning_entropy
from ersm_lab.papers.slem.checks import InputError
from ersm_lab.papers.slem.schema import LearnerSettings, SLEMConfig


class Images(Dataset):
    """Three noisy colour images and their numbers."""

    def __init__(self):
        self.images = torch.rand(3, 3, 14, 15, generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return {"image": self.images[index], "index": index}


def trainer(epochs, folder):
    return pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        default_root_dir=folder,
        enable_model_summary=False,
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workers", [1, 3])
def test_an_epoch_is_a_sweep_and_a_resumed_run_goes_on(tmp_path, workers):
    """Breaks when images share weights, an epoch is not one sweep, or a checkpoint forgets a learner."""
    images = Images()
    expected = [
        spatial_learning_entropy(image.permute(1, 2, 0).numpy(), hidden=4, memory=10, epochs=3)
        for image in images.images
    ]
    first = EntropyLearner(hidden=[4], memory=10, workers=workers)
    fit = trainer(2, tmp_path)
    fit.fit(first, DataLoader(images, batch_size=2))
    fit.save_checkpoint(tmp_path / "two.ckpt")
    loaded = torch.load(tmp_path / "two.ckpt", weights_only=True)
    state = loaded["state_dict"]["_extra_state"]
    assert sorted(state["weights"]) == [0, 1, 2]
    assert state["epochs"] == {0: 2, 1: 2, 2: 2}
    resumed = EntropyLearner(hidden=[4], memory=10)
    trainer(3, tmp_path).fit(resumed, DataLoader(images, batch_size=2), ckpt_path=tmp_path / "two.ckpt")
    for index, whole in enumerate(expected):
        maps = first.maps[index] + resumed.maps[index]
        np.testing.assert_array_equal(np.stack([map_.entropy for map_ in maps]), whole.entropy)
        np.testing.assert_array_equal(resumed.weights(index)[0], whole.weights[0])


@pytest.mark.filterwarnings("ignore")
def test_what_is_logged(tmp_path):
    """Breaks when a logged mean is of something else than its name."""
    learner = EntropyLearner(hidden=[4], memory=10)
    fit = trainer(1, tmp_path)
    fit.fit(learner, DataLoader(Images(), batch_size=3))
    error = np.mean([np.square(learner.maps[index][0].error) for index in range(3)])
    assert float(fit.callback_metrics["train/error"]) == pytest.approx(error, rel=1e-5)


def test_the_limits_of_the_schema_are_the_learners():
    """Breaks when a setting out of range is refused in one place only, or an unknown one is taken."""
    config = SLEMConfig()
    assert "odd" in SLEMConfig.check(dataclasses.replace(config, window_size=4))
    for field in dataclasses.fields(LearnerSettings):
        bad = "none" if "choices" in field.metadata else field.metadata.get("ge", 1) - 1
        bad = [bad] if field.name in ("hidden", "alphas") else bad
        with pytest.raises(InputError, match=field.name):
            EntropyLearner(**{field.name: bad})
    with pytest.raises(InputError, match="no setting 'memry' of an entropy learner; did you mean 'memory'"):
        EntropyLearner(memry=3)


@pytest.mark.parametrize("module", ["schema", "plugin", "verb"])
def test_settings_plugin_and_verb_import_neither_torch_nor_numba(module):
    """Breaks when --help and completion have to wait for a compiler."""
    code = (
        f"import sys, ersm_lab.papers.slem.{module}; "
        "sys.exit(bool({'torch', 'numba', 'numpy', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
