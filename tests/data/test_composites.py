"""Composites: what a position prior can know, whose pictures are where, and the order in which images are served."""

from __future__ import annotations

import csv
import errno
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from PIL import Image

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.data.composites import write_composites
from ersm_lab.data.generate import generate_once
from ersm_lab.data.layouts import read_layout
from ersm_lab.data.module import ImageDataModule, SplitDataset
from ersm_lab.data.sampler import EpochSampler, EvalSampler
from ersm_lab.data.splits import ArraySplit, ImageData, divide
from ersm_lab.data.transforms import ImageTransform
from ersm_lab.metrics.localisation import mask_auroc
from ersm_lab.training.build import build_data

SMALL = ["data.options.train=600", "data.options.val=50", "data.options.test=300"]


@pytest.fixture(scope="module")
def overrides(tmp_path_factory):
    """Small composites in a folder that all tests of this module read."""
    return [*SMALL, f"paths.data={tmp_path_factory.mktemp('data')}"]


@pytest.fixture(scope="module")
def digits(overrides):
    return build_data(compose_experiment(overrides).config)


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
    row = next(csv.DictReader((digits.root / "boxes.csv").open()))
    mask = np.asarray(Image.open(digits.root / "masks" / row["image"])) > 0
    rows = (int(row["row"]) + np.arange(16)) % 64
    columns = (int(row["column"]) + np.arange(16)) % 64
    assert mask[rows[:, None], columns].all()
    source = np.asarray(Image.open(digits.root.parent / "digits" / row["source"]))
    np.testing.assert_array_equal(
        np.asarray(Image.open(digits.root / row["image"]))[rows[:, None], columns], source
    )


def test_no_pixel_crosses_splits(tmp_path):
    """Every source is one grey level of its own, so each pixel of a composite, object or piece, names its source."""
    levels = np.arange(0, 240, dtype=np.uint8)
    pictures = np.broadcast_to(levels[:, None, None, None], (240, 8, 8, 3))
    source = ImageData(
        ["a", "b"],
        ArraySplit(pictures[:160], levels[:160] % 2, "train"),
        None,
        ArraySplit(pictures[160:], levels[160:] % 2, "test"),
    )
    parts = divide(source, (0.25, 1.0), 0.2, 3)
    write_composites(
        tmp_path, parts, {"train": 60, "val": 30, "test": 30}, canvas=32, tile=8, patch=4, seed=0
    )
    seen = {
        split: set().union(
            *(np.asarray(Image.open(path)).ravel().tolist() for path in (tmp_path / split).rglob("*.png"))
        )
        for split in ("train", "val", "test")
    }
    for name, part in (("train", parts.train), ("val", parts.val), ("test", parts.test)):
        assert seen[name] <= {int(np.asarray(part.image(i))[0, 0, 0]) for i in range(len(part))}
        assert len(seen[name]) > 20
    assert not seen["train"] & seen["val"]
    assert not (seen["train"] | seen["val"]) & seen["test"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"canvas": "wide"}, "whole number"),
        ({"patch": 0}, "1 <= patch"),
        ({"tile": 65}, "1 <= patch"),
        ({"train": 5}, "10 classes"),
        ({"val": 0}, "10 classes"),
        ({"source": {"layout": "digits", "root": "digits", "train_rnage": [0, 1]}}, "'train_range'"),
        ({"source": {"layout": "digits"}}, "source.root' is missing"),
        ({}, "source' is missing"),
    ],
)
def test_impossible_composites_end_in_a_line(digits, tmp_path, options, words):
    """Nothing is left behind, so that the next attempt is not told that something is in its way."""
    if options and "source" not in options:
        options = {**options, "source": digits.options["source"]}
    with pytest.raises(UserError, match=words) as caught:
        read_layout("composites", tmp_path / "made", options)
    assert "\n" not in str(caught.value)
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_a_moved_source_is_the_same_source(digits):
    """Identity is what the data are, not where they lie."""
    moved = {**digits.options, "source": {**digits.options["source"], "root": "elsewhere/digits"}}
    assert len(read_layout("composites", digits.root, moved).test) == 300


def test_generated_once_by_several_processes(tmp_path):
    """Eight at once: one writes, all read the same, nothing but the folder and the lock remains."""
    with ProcessPoolExecutor(4, get_context("fork")) as pool:
        sizes = list(pool.map(_digit_count, [tmp_path / "digits"] * 8))
    assert sizes == [1258] * 8
    assert sorted(path.name for path in tmp_path.iterdir()) == [".digits.lock", "digits"]


def _digit_count(root):
    return len(read_layout("digits", root, {"size": 8}).train)


def test_a_failed_generation_leaves_nothing(tmp_path):
    def write(folder):
        (folder / "half").write_text("")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match="No space left"):
        generate_once(tmp_path / "made", "digits", {}, write)
    assert [path.name for path in tmp_path.iterdir()] == [".made.lock"]


def test_other_options_do_not_overwrite(digits, overrides):
    """Data that were generated from other options are refused, not silently used or replaced."""
    with pytest.raises(UserError, match="other options"):
        build_data(compose_experiment([*overrides, "data.options.seed=1"]).config)


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
    views = [
        SplitDataset(module.train, ImageTransform(module.transform, True), view=view)[0] for view in range(12)
    ]
    plain = module.view_dataset("train", None)[0]
    flipped = [view for view in views if not torch.equal(view["image"], plain["image"])]
    assert flipped
    torch.testing.assert_close(flipped[0]["image"], plain["image"].flip(2))
    assert torch.equal(flipped[0]["mask"], plain["mask"].flip(1))


@pytest.mark.parametrize(("length", "world"), [(10, 3), (2, 4), (12, 4)])
def test_processes_share_an_epoch(monkeypatch, length, world):
    """Training: the same number for each, together everything. Evaluation: everything once, nothing twice."""
    trained, evaluated = [], []
    for rank in range(world):
        monkeypatch.setattr("ersm_lab.data.sampler._rank", lambda rank=rank: (rank, world))
        sampler = EpochSampler(length, 0, 4)
        trained.append([index for _, index in sampler])
        assert len(trained[-1]) == len(sampler)
        evaluated += list(EvalSampler(length))
    assert len({len(share) for share in trained}) == 1
    assert {index for share in trained for index in share} == set(range(length))
    assert sorted(evaluated) == list(range(length))


def test_loading_leaves_random_numbers_alone(digits, monkeypatch):
    """Neither the process's generator nor a device's: what a model draws does not depend on who loads its images."""
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("a device was seeded"))
    before = torch.get_rng_state()
    item = digits.view_dataset("train", 0)[3]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(item["image"], digits.view_dataset("train", 0)[3]["image"])


def test_the_version_of_generators_needs_no_torch():
    """Finished runs are recognised by it, thousands at a time, and the command line answers within a second."""
    code = "import sys, ersm_lab.data.version; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
