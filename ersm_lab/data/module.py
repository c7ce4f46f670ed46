"""The data module of labelled images: any layout, one set of loaders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ersm_lab.data.layouts import read_layout
from ersm_lab.data.sampler import EpochSampler, EvalSampler
from ersm_lab.data.splits import Split, divide
from ersm_lab.data.transforms import ImageTransform


class SplitDataset(Dataset[dict[str, Tensor]]):
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

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Tensor]:
        epoch, index = key if isinstance(key, tuple) else (0, int(key))
        view = self.view if self.view is not None else epoch % self.views if self.views else epoch
        with torch.random.fork_rng(devices=[]):
            # this generator alone: torch.manual_seed would seed every device's too, leave them so, and take long
            torch.default_generator.manual_seed(
                (self.seed * 1_000_003 + view * 7_368_787 + index * 2_654_435_761) % 2**63
            )
            true = self.split.mask(index) if self.masks else None
            image, mask = self.transform(self.split.image(index), true, self.split.name(index))
        item = {
            "image": image,
            "label": torch.tensor(int(self.split.labels[index])),
            "index": torch.tensor(index),
        }
        return item if mask is None else {**item, "mask": mask}


class ImageDataModule(pl.LightningDataModule):
    """Labelled images in any layout of ``ersm_lab.data.layouts``.

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
        transform: Mapping[str, Any] | None = None,
        batch_size: int = 32,
        eval_batch_size: int | None = None,
        num_workers: int = 0,
        val_fraction: float = 0.1,
        split_seed: int = 0,
        train_range: Sequence[float] = (0.0, 1.0),
        views: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.layout, self.root, self.options = layout, Path(root), dict(options or {})
        defaults = {"size": 224, "train_scale": (0.8, 1.0), "hflip": True, "eval_resize": 1.14}
        colours = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
        self.transform = {**defaults, **colours, **(transform or {})}
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size or 2 * batch_size
        self.num_workers, self.val_fraction, self.split_seed = num_workers, val_fraction, split_seed
        self.train_range, self.views, self.seed = tuple(train_range), views, seed
        self._ready = False

    @property
    def augment_seed(self) -> int:
        """Fixed views belong to the data: every run seed sees the same ones, and one feature cache serves all."""
        return self.split_seed if self.views else self.seed

    @property
    def normalisation(self) -> tuple[Sequence[float], Sequence[float]]:
        """Mean and standard deviation of each channel, in [0, 1], with which images are normalised."""
        return self.transform["mean"], self.transform["std"]

    def setup(self, stage: str | None = None) -> None:
        if self._ready:
            return
        data = divide(
            read_layout(self.layout, self.root, self.options),
            self.train_range,
            self.val_fraction,
            self.split_seed,
        )
        self.classes, self.num_classes = data.classes, len(data.classes)
        assert data.val is not None  # divide has carved one
        self.train, self.val, self.test = data.train, data.val, data.test
        self.has_masks = data.test.has_masks
        self._ready = True

    def model_settings(self) -> dict[str, Any]:
        """What a model must know of the data: keywords of its class."""
        size = int(self.transform["size"])
        return {
            "num_classes": self.num_classes,
            "image_size": (size, size),
            "class_names": list(self.classes),
        }

    def split(self, name: str) -> Split:
        """The raw split ``train``, ``val`` or ``test``."""
        split: Split = {"train": self.train, "val": self.val, "test": self.test}[name]
        return split

    def view_dataset(self, name: str, view: int | None) -> SplitDataset:
        """Split ``name`` under one augmented view, or under the evaluation transform when ``view`` is None."""
        transform = ImageTransform(self.transform, train=view is not None)
        return SplitDataset(
            self.split(name), transform, self.augment_seed, view=view or 0, masks=view is None
        )

    def train_sampler(self) -> EpochSampler:
        return EpochSampler(len(self.train), self.seed, self.batch_size)

    def eval_sampler(self, length: int) -> EvalSampler:
        return EvalSampler(length)

    def train_dataloader(self) -> DataLoader[Any]:
        dataset = SplitDataset(
            self.train, ImageTransform(self.transform, train=True), self.augment_seed, self.views, masks=False
        )
        return self._loader(dataset, self.batch_size, self.train_sampler())

    def val_dataloader(self) -> DataLoader[Any]:
        return self.eval_dataloader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        return self.eval_dataloader("test")

    def eval_dataloader(self, name: str, rank_share: bool = True) -> DataLoader[Any]:
        """Split ``name`` in order; ``rank_share`` False gives every process all of it."""
        dataset = self.view_dataset(name, None)
        return self._loader(dataset, self.eval_batch_size, EvalSampler(len(dataset)) if rank_share else None)

    def _loader(self, dataset: SplitDataset, batch_size: int, sampler: Any) -> DataLoader[Any]:
        return DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator().manual_seed(self.seed),
        )
