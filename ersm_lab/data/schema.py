"""Settings of data modules (no torch)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from omegaconf import MISSING

from ersm_lab.core.schema import DataConfig
from ersm_lab.core.settings import Settings, setting
from ersm_lab.vision.names import FILLS, OCCLUDERS

IMAGENET_MEAN = [0.485, 0.456, 0.406]
IMAGENET_STD = [0.229, 0.224, 0.225]
WHOLE = (0.0, 1.0)  # a train_range


@dataclass
class OcclusionAugmentConfig(Settings):
    """Structured occlusion of training pictures."""

    enabled: bool = setting(False, "cover training pictures")
    shapes: list[str] = setting(list(OCCLUDERS), "of which one is drawn", choices=OCCLUDERS)
    area: list[float] = setting([0.1, 0.5], "[low, high] share of the picture", ge=0, le=1)
    fill: str = setting(
        "mean", "what covered pixels become", choices=[name for name in FILLS if name != "image"]
    )
    p: float = setting(0.5, "probability that a picture is covered", ge=0, le=1)

    @staticmethod
    def check(node: OcclusionAugmentConfig) -> str | None:
        if len(node.area) != 2 or not node.area[0] <= node.area[1]:
            return f"has area {list(node.area)}, but must have [LOW, HIGH] with LOW <= HIGH"
        return None if node.shapes else "has no shapes"


@dataclass
class TransformConfig(Settings):
    """Images to tensors; torchvision v2 does the work, masks go along."""

    size: int = setting(224, "side of the square that the model sees, pixels", ge=8)
    train_scale: list[float] | None = setting(
        [0.8, 1.0], "area range of the random resized crop; null: none", gt=0, le=1
    )
    hflip: bool = setting(True, "horizontal flips in training")
    occlusion: OcclusionAugmentConfig = setting(OcclusionAugmentConfig)
    eval_resize: float | None = setting(
        1.14, "short side over size before the centre crop; null: as it is", ge=1
    )
    mean: list[float] = setting(IMAGENET_MEAN, "per channel, of values in [0, 1]")
    std: list[float] = setting(IMAGENET_STD, "per channel", gt=0)


@dataclass
class ImageDataConfig(DataConfig):
    """A labelled image data set and how it is served."""

    _target_: str = setting("ersm_lab.data.module.ImageDataModule", "the data module's class")
    transform: TransformConfig = setting(TransformConfig)
    eval_batch_size: int | None = setting(
        None, "in validation and test; null: twice batch_size", ge=1, changes_result=False
    )
    val_fraction: float = setting(
        0.1, "carved from train where the data set has no validation split", gt=0, lt=1
    )
    split_seed: int = setting(0, "of the carving; not the run's seed, so that all seeds share a split", ge=0)
    train_range: list[float] = setting(list(WHOLE), "slice of a seeded stratified order of train", ge=0, le=1)
    views: int = setting(0, "0: new augmentation every epoch; v: v fixed views of each image, in turn", ge=0)

    @staticmethod
    def check(node: ImageDataConfig) -> str | None:
        low, high = [*node.train_range, 0.0, 0.0][:2]
        if len(node.train_range) != 2 or not low < high:
            return f"has train_range {list(node.train_range)}, but must have [LOW, HIGH] with LOW < HIGH"
        return None


@dataclass
class LabelledPictureDataConfig(ImageDataConfig):
    """A labelled image data set, served to a learner of single pictures."""

    _target_: str = setting(
        "ersm_lab.data.labelled_pictures.LabelledPictureModule", "the data module's class"
    )


@dataclass
class SourceConfig(Settings):
    """The data set that another one is made from (``data.options.source``)."""

    layout: str = setting(MISSING, "how its files lie")
    root: str = setting(MISSING, "the folder (or archive) that holds it")
    options: dict[str, Any] = setting({}, "of the layout")
    train_range: list[float] = setting(list(WHOLE), "as of the data set itself")
    val_fraction: float = setting(ImageDataConfig.val_fraction, "as of the data set itself")
    split_seed: int = setting(ImageDataConfig.split_seed, "as of the data set itself")

    @classmethod
    def named_in(cls, options: Mapping[str, Any]) -> Self | None:
        """The source that a layout's options name, or None. What is no key of it is for the layout to refuse."""
        source = options.get("source")
        if not isinstance(source, Mapping):
            return None
        known = {field.name for field in fields(cls)}
        return cls.of({key: value for key, value in source.items() if key in known and value is not None})


@dataclass
class RareCropConfig(Settings):
    """Training crops over classes that are small or seldom."""

    enabled: bool = setting(False, "look for them")
    p: float = setting(0.5, "probability that a crop is laid over a pixel of such a class", ge=0, le=1)
    classes: list[str] | None = setting(None, "their names; null: the data set's thin structures")


@dataclass
class JitterConfig(Settings):
    """Photometric jitter, as torchvision's ColorJitter."""

    enabled: bool = setting(False, "change colours of training pictures")
    brightness: float = setting(0.3, "largest relative change", ge=0)
    contrast: float = setting(0.3, "largest relative change", ge=0)
    saturation: float = setting(0.3, "largest relative change", ge=0)
    hue: float = setting(0.05, "largest turn, of a full one", ge=0, le=0.5)


@dataclass
class SceneTransformConfig(Settings):
    """Pictures and their labels to tensors: crops in training, whole pictures in validation."""

    crop: list[int] = setting([768, 768], "[H, W] of training crops, pixels", ge=8)
    resize: list[int] | None = setting(
        None, "[H, W] that every picture is brought to first, to save time; null: as it is", ge=8
    )
    scale: list[float] = setting([0.5, 2.0], "[low, high] of the random scale of training pictures", gt=0)
    hflip: bool = setting(True, "horizontal flips in training")
    rare: RareCropConfig = setting(RareCropConfig)
    jitter: JitterConfig = setting(JitterConfig)
    mean: list[float] = setting(IMAGENET_MEAN, "per channel, of values in [0, 1]")
    std: list[float] = setting(IMAGENET_STD, "per channel", gt=0)

    @staticmethod
    def check(node: SceneTransformConfig) -> str | None:
        if len(node.crop) != 2 or (node.resize is not None and len(node.resize) != 2):
            return "needs [HEIGHT, WIDTH] as crop and as resize"
        if len(node.scale) != 2 or not node.scale[0] <= node.scale[1]:
            return f"has scale {list(node.scale)}, but must have [LOW, HIGH] with LOW <= HIGH"
        return None


@dataclass
class PackConfig(Settings):
    """A cache of raw pixels, of which a training crop reads its rows only; what comes out is the same."""

    enabled: bool = setting(False, "use it, and write it first where it is missing")
    folder: str = setting("${paths.cache}/packed", "where")


@dataclass
class SegmentationDataConfig(DataConfig):
    """Pictures with a label for each pixel, and how they are served."""

    _target_: str = setting("ersm_lab.data.segmentation.SegmentationDataModule", "the data module's class")
    transform: SceneTransformConfig = setting(SceneTransformConfig)
    batch_size: int = setting(8, "crops per optimizer micro-batch and device", ge=1)
    eval_batch_size: int = setting(
        1, "whole pictures; more than 1 only where all have one size", ge=1, changes_result=False
    )
    pack: PackConfig = setting(PackConfig, changes_result=False)


@dataclass
class PictureDataConfig(DataConfig):
    """Pictures without labels: a folder, scikit-image's photographs, or generated structures. There are no splits."""

    _target_: str = setting("ersm_lab.data.picture_module.PictureDataModule", "the data module's class")
    options: dict[str, Any] = setting({}, "of the generator: size, and for structures count, noise, seed")
    names: list[str] | None = setting(None, "those to take, in this order; null: all")
    channels: str = setting(
        "luminance", "a colour picture as one, or as three", choices=("luminance", "each")
    )
    crop: int | None = setting(None, "side of the central square that is taken; null: whole", ge=8)
    batch_size: int = setting(4, "pictures per step, learnt side by side; changes no map", ge=1)
    eval_batch_size: int | None = setting(None, "null: batch_size", ge=1, changes_result=False)
