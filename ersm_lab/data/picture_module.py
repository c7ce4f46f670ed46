"""The data module of pictures without labels: batches of ``image`` and ``index``, for learners of single images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.data.base import BaseDataModule, SizedDataset
from ersm_lab.data.layouts import read_kind
from ersm_lab.data.pictures import Picture, PictureData, Truth, read_pictures, scaled
from ersm_lab.data.schema import PictureDataConfig


class PictureItem(TypedDict):
    """``image (C, H, W)`` float32 in [0, 1], C = 1 or 3, ``index``, and ``name``."""

    image: Tensor
    index: Tensor
    name: str


class PictureBatch(TypedDict):
    """``image (B, C, H, W)``, or a list of images where they differ in shape; ``index (B,)``; ``name``, a list."""

    image: Tensor | list[Tensor]
    index: Tensor
    name: list[str]


class PictureDataset(SizedDataset[PictureItem]):
    """Pictures as tensors; keys are ``index`` or ``(epoch, index)``."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, key: int | tuple[int, int]) -> PictureItem:
        index = key[1] if isinstance(key, tuple) else int(key)
        values = scaled(self.pictures[index].pixels)
        image = values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)
        return {
            "image": torch.from_numpy(np.ascontiguousarray(image)),
            "index": torch.tensor(index),
            "name": self.pictures[index].name,
        }


class PictureDataModule(BaseDataModule[PictureItem]):
    """Pictures in a layout without labels. There are no splits: ``train``, ``val`` and ``test`` are all of them.

    Parameters
    ----------
    layout, root, options: which layout, where, and the layout's own options.
    names: those to take, in this order; all when None.
    channels: ``luminance`` keeps a colour picture as one; ``each`` makes three pictures of it.
    crop: side of the central square that is taken of each; whole pictures when None.
    batch_size, eval_batch_size: pictures per step; they are learnt in parallel, and do not influence each other.
    num_workers: loader processes. seed: of the order.

    After ``setup``: ``pictures`` (held in memory as they were stored), ``has_masks`` False.
    """

    has_masks = False

    def __init__(
        self,
        layout: str,
        root: str,
        options: Mapping[str, Any] | None = None,
        names: Sequence[str] | None = None,
        channels: str = PictureDataConfig.channels,
        crop: int | None = PictureDataConfig.crop,
        batch_size: int = PictureDataConfig.batch_size,
        eval_batch_size: int | None = PictureDataConfig.eval_batch_size,
        num_workers: int = PictureDataConfig.num_workers,
        seed: int = 0,
    ) -> None:
        super().__init__(layout, root, options, batch_size, eval_batch_size or batch_size, num_workers, seed)
        self.names, self.channels, self.crop = names, channels, crop
        self.pictures: Sequence[Picture] = []
        self._files: Sequence[str] = []  # of each picture, the name of its file

    def read(self) -> None:
        self._data = read_kind(PictureData, self.layout, self.root, self.options)
        found = self._data.files
        pictures: list[Picture] = []
        files: list[str] = []
        for name in found if self.names is None else self.names:
            if name not in found:
                raise UserError(
                    f"'data.names' holds {name!r}, but {self.root} has: {', '.join(list(found)[:30])}"
                )
            for picture in read_pictures(found[name], name, self.channels):
                pictures.append(self._cropped(picture))
                files.append(name)
        self.pictures, self._files = pictures, files

    def _cropped(self, picture: Picture) -> Picture:
        if self.crop is None:
            return picture
        rows, columns = picture.pixels.shape[:2]
        if min(rows, columns) < self.crop:
            raise UserError(f"'data.crop' is {self.crop}, but {picture.name} has {rows} x {columns} pixels")
        top, left = (rows - self.crop) // 2, (columns - self.crop) // 2
        return Picture(picture.name, picture.pixels[top : top + self.crop, left : left + self.crop])

    def truth(self, index: int) -> Truth | None:
        """What is known of picture ``index``, where it was generated and is whole."""
        return None if self.crop is not None else self._data.truth(self._files[index])

    def view_dataset(self, name: str, view: int | None) -> PictureDataset:
        """All pictures, whatever the split and the view are called."""
        return PictureDataset(self.pictures)

    @staticmethod
    def collate(items: Sequence[PictureItem]) -> PictureBatch:  # type: ignore[override]
        images = [item["image"] for item in items]
        same = all(image.shape == images[0].shape for image in images)
        return {
            "image": torch.stack(images) if same else images,
            "index": torch.stack([item["index"] for item in items]),
            "name": [item["name"] for item in items],
        }
