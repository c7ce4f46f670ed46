"""Occluders as augmentation: seeded by the data set, on training pictures only, masks untouched."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain
from ersm_lab.data.transforms import ImageTransform
from ersm_lab.runs.hashing import canonical_hash

OCCLUSION = {"enabled": True, "shapes": ["square", "border"], "area": [0.25, 0.25], "fill": "mean", "p": 1.0}
SETTINGS = {
    "size": 32,
    "train_scale": None,
    "hflip": False,
    "eval_resize": None,
    "mean": (0.5, 0.5, 0.5),
    "std": (0.2, 0.2, 0.2),
    "occlusion": OCCLUSION,
}
PICTURE = Image.fromarray(np.full((32, 32, 3), 255, np.uint8))


def _covered(settings: dict, seed: int, train: bool = True) -> torch.Tensor:
    torch.manual_seed(seed)
    return (ImageTransform(settings, train)(PICTURE, None, "x")[0] == 0).all(0)


def test_covers_the_asked_share_of_training_pictures_only() -> None:
    shares = {_covered(SETTINGS, seed).double().mean().item() for seed in range(10)}
    assert shares == {0.25}
    assert not _covered(SETTINGS, 0, train=False).any()
    assert not _covered({**SETTINGS, "occlusion": {**SETTINGS["occlusion"], "enabled": False}}, 0).any()


def test_follows_the_seed_and_the_probability() -> None:
    assert torch.equal(_covered(SETTINGS, 3), _covered(SETTINGS, 3))
    assert len({_covered(SETTINGS, seed).numpy().tobytes() for seed in range(12)}) > 3
    half = {**SETTINGS, "occlusion": {**SETTINGS["occlusion"], "p": 0.5}}
    hit = sum(bool(_covered(half, seed).any()) for seed in range(200))
    assert 70 < hit < 130  # four standard deviations around 100


def test_object_masks_stay() -> None:
    mask = np.zeros((32, 32), bool)
    mask[4:9, 4:9] = True
    torch.manual_seed(0)
    _, moved = ImageTransform(SETTINGS, True)(PICTURE, mask, "x")
    assert torch.equal(moved, torch.from_numpy(mask))


def test_switched_off_it_leaves_the_hash_of_older_runs() -> None:
    config = plain(compose_experiment([]).config.data)
    older = {**config, "transform": {k: v for k, v in config["transform"].items() if k != "occlusion"}}
    assert canonical_hash(config) == canonical_hash(older)
    enabled = compose_experiment(["data.transform.occlusion.enabled=true"]).config.data
    assert canonical_hash(plain(enabled)) != canonical_hash(older)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("area=[0.5,0.1]", "LOW <= HIGH"),
        ("fill=image", "one of mean, black"),
        ("shapes=[object]", "one of square"),
    ],
)
def test_mistakes_are_one_line(word: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        compose_experiment([f"data.transform.occlusion.{word}"])
