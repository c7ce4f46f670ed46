"""Composites: what a position prior can know, whose pictures are where, and the order in which images are served."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

from ersm_lab.config.compose import compose_experiment
from ersm_lab.data.module import ImageDataModule
from ersm_lab.errors import UserError
from ersm_lab.metrics.localisation import mask_auroc
from ersm_lab.training.build import build_data

SMALL = ["data.options.train=600", "data.options.val=50", "data.options.test=300"]


@pytest.fixture
def digits(lab):
    return build_data(compose_experiment([*SMALL]).config)


def test_a_position_prior_knows_nothing(digits):
    """The mean training mask scores AUROC 50 +- 2 on the test masks: breaks when objects stop wrapping round."""
    prior = np.mean([digits.train.mask(i) for i in range(len(digits.train))], axis=0)
    masks = torch.from_numpy(np.stack([digits.test.mask(i) for i in range(len(digits.test))]))
    score = torch.from_numpy(prior.reshape(1, -1)).expand(len(masks), -1)
    auroc = mask_auroc(score, masks, prior.shape).mean().item()
    assert abs(auroc - 0.5) < 0.02
    assert (masks.flatten(1).sum(1) == 16 * 16).all()


def test_no_source_crosses_splits(digits):
    """Objects and pieces come from their own split's sources, and those are disjoint."""
    rows = list(csv.DictReader((digits.root / "boxes.csv").open()))
    sources = {
        split: {row["source"] for row in rows if row["split"] == split} for split in ("train", "val", "test")
    }
    assert not sources["train"] & sources["val"]
    assert not (sources["train"] | sources["val"]) & sources["test"]


def test_the_mask_marks_the_object(digits):
    """The box of boxes.csv, wrapped, is the mask, and the picture holds the source there."""
    from PIL import Image

    row = next(csv.DictReader((digits.root / "boxes.csv").open()))
    mask = np.asarray(Image.open(digits.root / "masks" / row["image"])) > 0
    rows = (int(row["row"]) + np.arange(16)) % 64
    columns = (int(row["column"]) + np.arange(16)) % 64
    assert mask[rows[:, None], columns].all()
    source = np.asarray(Image.open(digits.root.parent / "digits" / row["source"]))
    np.testing.assert_array_equal(
        np.asarray(Image.open(digits.root / row["image"]))[rows[:, None], columns], source
    )


def test_other_options_do_not_overwrite(digits):
    """Data that were generated from other options are refused, not silently used or replaced."""
    with pytest.raises(UserError, match="other options"):
        build_data(compose_experiment([*SMALL, "data.options.seed=1"]).config)


@pytest.mark.parametrize("workers", [0, 2])
def test_augmentation_follows_from_seed_epoch_and_index(digits, workers):
    """Breaks when the number of loader processes changes what an image looks like."""
    settings = {"size": 32, "train_scale": (0.5, 1.0), "hflip": True, "eval_resize": 1.0}
    module = ImageDataModule(
        "composites", str(digits.root), digits.options, settings, batch_size=50, num_workers=workers, seed=3
    )
    module.setup()
    loader = module.train_dataloader()
    loader.sampler.set_epoch(2)
    batch = next(iter(loader))
    expected = module.view_dataset("train", 2)
    for place in (0, 7, 49):
        torch.testing.assert_close(batch["image"][place], expected[int(batch["index"][place])]["image"])
    other = module.view_dataset("train", 3)[int(batch["index"][0])]["image"]
    assert not torch.equal(other, batch["image"][0])


def test_sampler_resumes_and_divides(digits):
    sampler = digits.train_sampler()
    sampler.set_epoch(1)
    whole = list(sampler)
    sampler.start_batch(3)
    assert list(sampler) == whole[3 * digits.batch_size :]
    assert list(sampler) == whole
    sampler.set_epoch(2)
    assert list(sampler) != whole


def test_masks_follow_the_picture(digits):
    """Flip and crop move mask and picture together: the object's pixels stay the brightest match."""
    settings = {"size": 64, "train_scale": None, "hflip": True, "eval_resize": None}
    module = ImageDataModule("composites", str(digits.root), digits.options, settings)
    module.setup()
    from ersm_lab.data.module import SplitDataset
    from ersm_lab.data.transforms import ImageTransform

    views = [
        SplitDataset(module.train, ImageTransform(module.transform, True), view=view)[0] for view in range(12)
    ]
    plain = module.view_dataset("train", None)[0]
    flipped = [view for view in views if not torch.equal(view["image"], plain["image"])]
    assert flipped
    torch.testing.assert_close(flipped[0]["image"], plain["image"].flip(2))
    assert torch.equal(flipped[0]["mask"], plain["mask"].flip(1))
