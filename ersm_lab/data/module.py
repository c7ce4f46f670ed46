"""The data module of labelled images: any layout with one label per image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ersm_lab.core.protocols import Batch
from ersm_lab.data.base import BaseDataModule, SizedDataset
from ersm_lab.data.layouts import read_kind
from ersm_lab.data.schema import WHOLE, ImageDataConfig, TransformConfig
from ersm_lab.data.seeding import seeded
from ersm_lab.data.splits import ImageData, Split, divide
from ersm_lab.data.transforms import ImageTransform


class SplitDataset(SizedDataset[Batch]):
    """Items of a split as tensors; keys are ``index`` or ``(epoch, index)``.

    Item: ``image (3, H, W)`` float32, ``label``, ``index``, and, unless ``masks`` is False, ``mask (H, W)`` bool where the
    split has masks. Training reads none: nothing learns from them.
    The augmentation of an item follows from (seed, view, index), whoever loads it.
    """

    def __init__(
        self,
        split: Split,
        transform: ImageTransform,
        seed: int = 0,
        views: int = 0,
        view: int | None = None,
        masks: bool = True,
    ) -> None:
        self.split, self.transform, self.seed, self.views, self.view = split, transform, seed, views, view
        self.masks = masks and split.has_masks

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, key: int | tuple[int, int]) -> Batch:
        epoch, index = key if isinstance(key, tuple) else (0, int(key))
        view = self.view if self.view is not None else epoch % self.views if self.views else epoch
        with seeded(self.seed, view, index):
            true = self.split.mask(index) if self.masks else None
            image, mask = self.transform(self.split.image(index), true, self.split.name(index))
        item: Batch = {
            "image": image,
            "label": torch.tensor(int(self.split.labels[index])),
            "index": torch.tensor(index),
        }
        if mask is not None:
            item["mask"] = mask
        return item


class ImageDataModule(BaseDataModule[Batch]):
    """Labelled images in any layout that has one label per image.

    Parameters
    ----------
    layout, root, options: which layout, where, and the layout's own options.
    transform: the ``data.transform`` group.
    batch_size, eval_batch_size: per process; evaluation takes twice the training's when None.
    num_workers: loader processes.
    val_fraction, split_seed: of the validation split that is carved from train where the data set has none.
    train_range: slice of a seeded stratified order of train; slices that do not overlap share no picture.
    views: 0 draws a new augmentation every epoch; v cycles through v fixed ones, the same for every run seed.
    seed: of the order, and of the augmentation when ``views`` is 0.

    After ``setup``: ``classes``, ``num_classes``, ``train``, ``val``, ``test`` (raw splits), ``has_masks``.
    """

    def __init__(
        self,
        layout: str,
        root: str,
        options: Mapping[str, Any] | None = None,
        transform: TransformConfig | Mapping[str, Any] | None = None,
        batch_size: int = ImageDataConfig.batch_size,
        eval_batch_size: int | None = ImageDataConfig.eval_batch_size,
        num_workers: int = ImageDataConfig.num_workers,
        val_fraction: float = ImageDataConfig.val_fraction,
        split_seed: int = ImageDataConfig.split_seed,
        train_range: Sequence[float] = WHOLE,
        views: int = ImageDataConfig.views,
        seed: int = 0,
    ) -> None:
        super().__init__(
            layout, root, options, batch_size, eval_batch_size or 2 * batch_size, num_workers, seed
        )
        self.transform = TransformConfig.of(transform)
        self.val_fraction, self.split_seed, self.train_range = val_fraction, split_seed, tuple(train_range)
        self.views = views

    @property
    def augment_seed(self) -> int:
        """Fixed views belong to the data: every run seed sees the same ones, and one feature cache serves all."""
        return self.split_seed if self.views else self.seed

    @property
    def normalisation(self) -> tuple[Sequence[float], Sequence[float]]:
        """Mean and standard deviation of each channel, in [0, 1], with which images are normalised."""
        return self.transform.mean, self.transform.std

    def read(self) -> None:
        whole = read_kind(ImageData, self.layout, self.root, self.options)
        data = divide(whole, self.train_range, self.val_fraction, self.split_seed)
        assert data.val is not None  # divide has carved one
        self.classes, self.num_classes = data.classes, len(data.classes)
        self.train, self.val, self.test = data.train, data.val, data.test
        self.has_masks = data.test.has_masks

    def model_settings(self) -> dict[str, object]:
        """What a model may know of the data: keywords of its class."""
        size = self.transform.size
        return {
            "num_classes": self.num_classes,
            "image_size": (size, size),
            "class_names": list(self.classes),
        }

    def split(self, name: str) -> Split:
        """The raw split ``train``, ``val`` or ``test``."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    def view_dataset(self, name: str, view: int | None) -> SplitDataset:
        """Split ``name`` under one augmented view, or under the evaluation transform when ``view`` is None."""
        transform = ImageTransform(self.transform, train=view is not None)
        return SplitDataset(
            self.split(name), transform, self.augment_seed, view=view or 0, masks=view is None
        )

    def train_dataset(self) -> SplitDataset:
        """The training split, its augmentation another one in every epoch (or one of ``views``)."""
        transform = ImageTransform(self.transform, train=True)
        return SplitDataset(self.train, transform, self.augment_seed, self.views, masks=False)
