"""The feature cache: what makes two caches two, and what does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ersm_lab.config.schema import FeatureCacheConfig
from ersm_lab.core.settings import setting
from ersm_lab.data.schema import ImageDataConfig, TransformConfig
from ersm_lab.evaluation.runner import Runner
from ersm_lab.papers.ersm import ERSMClassifier
from ersm_lab.training.features import FeatureCache
from tests.evaluation.pictures import Pictures

TINY = {"name": "resnet18", "kwargs": {"layers": [1, 1, 1, 1], "channels": [4, 8, 8, 8]}}


@dataclass
class CroppedDataConfig(ImageDataConfig):
    """Settings as a plug-in's data module has them."""

    crop: int = setting(8, "side of what is taken of each picture")


def caches_after(root: Path, *settings: ImageDataConfig) -> list[int]:
    """How many caches there are after each of the settings has asked for its features of val."""
    torch.manual_seed(0)
    runner = Runner(ERSMClassifier(3, (16, 16), backbone=TINY), torch.device("cpu"))
    counts = []
    for one in settings:
        cache = FeatureCache(root, Pictures(), one, "the same files", runner, FeatureCacheConfig())
        assert len(cache.dataset("val")) == 12
        counts.append(len([folder for folder in root.iterdir() if folder.is_dir()]))
    return counts


def test_any_setting_that_changes_an_item_makes_another_cache(tmp_path: Path) -> None:
    """Breaks when a data module's own settings are no part of the key: its features would be stale."""
    first = CroppedDataConfig(_target_="m.Data", name="first", layout="mine", root="here")
    cropped = replace(first, crop=4)
    resized = replace(first, transform=TransformConfig(size=32))
    assert caches_after(tmp_path, first, cropped, resized, replace(first, split_seed=1)) == [1, 2, 3, 4]


def test_how_items_are_served_makes_none(tmp_path: Path) -> None:
    """Breaks when heads with another batch size no longer share the features of one backbone."""
    first = CroppedDataConfig(_target_="m.Data", name="first", layout="mine", root="here")
    others = [
        replace(first, batch_size=2),
        replace(first, views=3),
        replace(first, num_workers=1, name="n", root="r"),
    ]
    assert caches_after(tmp_path, first, *[replace(other, num_workers=0) for other in others]) == [1, 1, 1, 1]
