"""Splits whose pictures have a label for each pixel, and the data sets that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.files.images import UNREADABLE, read_rgb
from ersm_lab.vision.labels import IGNORE, LabelTable


@dataclass(frozen=True)
class SceneSplit:
    """Pictures ``(H, W, 3)`` with label pictures ``(H, W)`` of the table's labelIds.

    Attributes
    ----------
    table: what the labels mean.
    names: of the pictures, unique; what exported predictions are named after.
    images: files. labels: files, or None where nothing is published (a test split of a benchmark).
    instances: 16-bit files of ``1000 * labelId + number``, or None.
    """

    table: LabelTable
    names: Sequence[str]
    images: Sequence[Path]
    labels: Sequence[Path] | None
    instances: Sequence[Path] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def name(self, i: int) -> str:
        return self.names[i]

    def image(self, i: int) -> Image.Image:
        """8-bit RGB."""
        return read_rgb(self.images[i])

    def label_ids(self, i: int) -> NDArray[np.uint8]:
        """``(H, W)`` labelIds. Raises ``UserError`` that names a file which is missing, damaged or no label picture."""
        assert self.labels is not None
        return read_labels(self.labels[i])

    def train_ids(self, i: int) -> NDArray[np.uint8]:
        """``(H, W)`` trainIds and ``IGNORE``; a label outside the table is a ``UserError`` that names the file."""
        assert self.labels is not None
        return self.table.train_ids(self.label_ids(i), str(self.labels[i]))

    def instance_ids(self, i: int) -> NDArray[np.int32] | None:
        """``(H, W)`` of the instanceIds file, or None."""
        if self.instances is None:
            return None
        return read_numbers(self.instances[i]).astype(np.int32)

    def scene(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The picture ``(H, W, 3)`` and its trainIds ``(H, W)``: all ``IGNORE`` where no label is published.

        Raises ``UserError`` when their sizes differ.
        """
        image = np.asarray(self.image(i))
        if self.labels is None:
            return image, np.full(image.shape[:2], IGNORE, dtype=np.uint8)
        label = self.train_ids(i)
        if label.shape != image.shape[:2]:
            raise UserError(
                f"{self.labels[i]} has {label.shape[1]}x{label.shape[0]} pixels, but its picture {self.images[i]} has "
                f"{image.shape[1]}x{image.shape[0]}"
            )
        return image, label


@dataclass(frozen=True)
class SceneData:
    """A data set for segmentation; ``test`` is None where it has no such split."""

    has: ClassVar[str] = "a label per pixel"
    table: LabelTable
    train: SceneSplit
    val: SceneSplit
    test: SceneSplit | None = None

    @property
    def classes(self) -> list[str]:
        return self.table.class_names


def read_labels(path: Path) -> NDArray[np.uint8]:
    """A picture of labels ``(H, W)``, as ``read_numbers``; numbers above 255 are refused."""
    found = read_numbers(path)
    if found.dtype != np.uint8 and found.max(initial=0) > 255:
        raise UserError(f"{path} holds {int(found.max())}, which is no label; is it a file of instanceIds?")
    return found.astype(np.uint8)


def read_numbers(path: Path) -> NDArray[Any]:
    """A picture of numbers ``(H, W)``, as they are in the file. Raises ``UserError`` for colours and unreadable files."""
    try:
        with Image.open(path) as image:
            mode, found = image.mode, np.asarray(image)
    except FileNotFoundError as error:
        raise UserError(f"no label file {path}") from error
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read as labels ({reason}); replace it") from error
    if found.ndim != 2:
        raise UserError(
            f"{path} is a picture in colours ({mode}); labels are expected as numbers, one per pixel"
        )
    return found


def paired(
    images: dict[str, Path], others: dict[str, Path], what: str, where: Path
) -> tuple[list[str], list[Path], list[Path]]:
    """Names, images and their partners in the order of names.

    Raises ``UserError`` that names the first picture without partner, or partner without picture, and counts them.
    """
    if not images:
        raise UserError(f"{where} holds no pictures")
    if missing := sorted(set(images) - set(others)):
        raise UserError(f"{images[missing[0]]} has no {what}{_and_more(missing)}")
    if lost := sorted(set(others) - set(images)):
        raise UserError(f"{others[lost[0]]} has no picture in {where}{_and_more(lost)}")
    names = sorted(images)
    return names, [images[name] for name in names], [others[name] for name in names]


def _and_more(names: Sequence[str]) -> str:
    return f", nor have {len(names) - 1} others" if len(names) > 1 else ""
