"""The data module of pictures without labels: batches of ``image`` and ``index``, for learners of single images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ersm_lab.core.errors import UserError
from ersm_lab.data.picture_sets import LAYOUTS, list_pictures, truth_of
from ersm_lab.data.pictures import Picture, read_pictures, scaled
from ersm_lab.data.sampler import EpochSampler, EvalSampler


class PictureDataset(Dataset[dict[str, Any]]):
    """Items ``image (C, H, W)`` float32 in [0, 1], C = 1 or 3, ``index``, and ``name``; keys are ``index`` or ``(epoch, index)``."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Any]:
        index = key[1] if isinstance(key, tuple) else int(key)
        values = scaled(self.pictures[index].pixels)
        image = values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)
        return {
            "image": torch.from_numpy(np.ascontiguousarray(image)),
            "index": torch.tensor(index),
            "name": self.pictures[index].name,
        }


def together(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A batch: ``image (B, C, H, W)``, or a list of images where they differ in shape; ``index (B,)``; ``name``, a list."""
    images: list[Tensor] = [item["image"] for item in items]
    same = all(image.shape == images[0].shape for image in images)
    return {
        "image": torch.stack(images) if same else images,
        "index": torch.stack([item["index"] for item in items]),
        "name": [item["name"] for item in items],
    }


class PictureDataModule(pl.LightningDataModule):
    """Pictures of a folder, of scikit-image, or generated. There are no splits: ``train``, ``val`` and ``test`` are all of them.

    Parameters
    ----------
    layout, root, options: ``folder``, ``photographs`` or ``structures``, where, and the generator's options.
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
        channels: str = "luminance",
        crop: int | None = None,
        batch_size: int = 1,
        eval_batch_size: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if layout not in LAYOUTS:
            raise UserError(f"'data.layout' is {layout!r}, but must be one of {', '.join(LAYOUTS)}")
        self.layout, self.root, self.options = layout, Path(root), dict(options or {})
        self.names, self.channels, self.crop = names, channels, crop
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size or batch_size
        self.num_workers, self.seed = num_workers, seed
        self.pictures: list[Picture] = []
        self._files: list[str] = []  # of each picture, the name of its file

    def setup(self, stage: str | None = None) -> None:
        if self.pictures:
            return
        found = dict(list_pictures(self.layout, self.root, self.options))
        for name in found if self.names is None else self.names:
            if name not in found:
                raise UserError(
                    f"'data.names' holds {name!r}, but {self.root} has: {', '.join(list(found)[:30])}"
                )
            for picture in read_pictures(found[name], name, self.channels):
                self.pictures.append(self._cropped(picture))
                self._files.append(name)

    def _cropped(self, picture: Picture) -> Picture:
        if self.crop is None:
            return picture
        rows, columns = picture.pixels.shape[:2]
        if min(rows, columns) < self.crop:
            raise UserError(f"'data.crop' is {self.crop}, but {picture.name} has {rows} x {columns} pixels")
        top, left = (rows - self.crop) // 2, (columns - self.crop) // 2
        return Picture(picture.name, picture.pixels[top : top + self.crop, left : left + self.crop])

    def truth(self, index: int) -> dict[str, Any] | None:
        """The known ``edges`` and ``corners`` of picture ``index``, where it was generated and is whole."""
        return None if self.crop is not None else truth_of(self.root, self._files[index])

    def model_settings(self) -> dict[str, Any]:
        """Nothing: a learner of single images need not know them."""
        return {}

    def train_sampler(self) -> EpochSampler:
        return EpochSampler(len(self.pictures), self.seed, self.batch_size)

    def train_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.batch_size, self.train_sampler())

    def val_dataloader(self) -> DataLoader[Any]:
        return self.eval_dataloader("val")

    def eval_dataloader(self, name: str, rank_share: bool = True) -> DataLoader[Any]:
        """All pictures in order, whatever the split is called."""
        return self._loader(self.eval_batch_size, EvalSampler(len(self.pictures)) if rank_share else None)

    def _loader(self, batch_size: int, sampler: Any) -> DataLoader[Any]:
        return DataLoader(
            PictureDataset(self.pictures),
            batch_size=batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            collate_fn=together,
            generator=torch.Generator().manual_seed(self.seed),
        )
