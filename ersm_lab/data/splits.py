"""A split of a data set: pictures, labels and, where they exist, object masks. And how splits are divided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.files.images import read_mask, read_rgb


class Split(Protocol):
    """One split, raw: ``labels (n,)`` int64, pictures in 8-bit RGB, masks ``(H, W)`` boolean."""

    labels: np.ndarray
    has_masks: bool

    def __len__(self) -> int: ...
    def image(self, i: int) -> Image.Image: ...
    def mask(self, i: int) -> np.ndarray | None: ...
    def name(self, i: int) -> str: ...


class FileSplit:
    """Pictures in files. ``mask_value``: the value that marks the object in a mask file; None: everything above 0."""

    def __init__(
        self,
        paths: Sequence[Path],
        labels: Sequence[int] | np.ndarray,
        root: Path,
        masks: Sequence[Path] | None = None,
        mask_value: int | None = None,
    ) -> None:
        self.paths, self.root, self.masks, self.mask_value = list(paths), root, masks, mask_value
        self.labels = np.asarray(labels, dtype=np.int64)
        self.has_masks = masks is not None

    def __len__(self) -> int:
        return len(self.paths)

    def image(self, i: int) -> Image.Image:
        return read_rgb(self.paths[i])

    def mask(self, i: int) -> np.ndarray | None:
        return None if self.masks is None else read_mask(self.masks[i], self.mask_value)

    def name(self, i: int) -> str:
        return self.paths[i].relative_to(self.root).as_posix()


class ArraySplit:
    """Pictures in memory, ``(n, H, W, 3)`` uint8."""

    has_masks = False

    def __init__(self, images: np.ndarray, labels: Sequence[int] | np.ndarray, prefix: str) -> None:
        self.images, self.prefix = images, prefix
        self.labels = np.asarray(labels, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.images)

    def image(self, i: int) -> Image.Image:
        return Image.fromarray(self.images[i])

    def mask(self, i: int) -> np.ndarray | None:
        return None

    def name(self, i: int) -> str:
        return f"{self.prefix}/{i:05d}"


class Subset:
    """Some items of a split, in the order of ``indices``."""

    def __init__(self, split: Split, indices: np.ndarray) -> None:
        self.split, self.indices = split, np.asarray(indices, dtype=np.int64)
        self.labels = split.labels[self.indices]
        self.has_masks = split.has_masks

    def __len__(self) -> int:
        return len(self.indices)

    def image(self, i: int) -> Image.Image:
        return self.split.image(int(self.indices[i]))

    def mask(self, i: int) -> np.ndarray | None:
        return self.split.mask(int(self.indices[i]))

    def name(self, i: int) -> str:
        return self.split.name(int(self.indices[i]))


@dataclass(frozen=True)
class ImageData:
    """A data set as its layout gives it; ``val`` is None where it has to be carved from ``train``."""

    has: ClassVar[str] = "one label per picture"
    classes: list[str]
    train: Split
    val: Split | None
    test: Split


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """A permutation of which every contiguous slice has about the same share of each class. Depends on nothing else."""
    rng = np.random.default_rng(seed)
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        position[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return np.argsort(position, kind="stable")


def divide(data: ImageData, train_range: Sequence[float], val_fraction: float, split_seed: int) -> ImageData:
    """Takes the slice ``train_range`` of a stratified order of train, and carves a validation split from its end.

    Slices that do not overlap share no picture, whatever else differs. Where the data set has a validation split of its
    own, that one is kept whole.

    Raises ``UserError`` when a part would be empty.
    """
    order = stratified_order(data.train.labels, split_seed)
    low, high = (round(edge * len(order)) for edge in train_range)
    part = order[low:high]
    if data.val is not None:
        train, val = Subset(data.train, np.sort(part)), data.val
    else:
        count = round(val_fraction * len(part))
        train, kept = (
            Subset(data.train, np.sort(part[: len(part) - count])),
            Subset(data.train, np.sort(part[len(part) - count :])),
        )
        val = kept
    for name, split in (("train", train), ("val", val), ("test", data.test)):
        if not len(split):
            raise UserError(
                f"the {name} split is empty: train has {len(order)} images, train_range {list(train_range)}, val_fraction {val_fraction}"
            )
    return ImageData(data.classes, train, val, data.test)
