"""The data module of images with a label per pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.data.base import BaseDataModule, SizedDataset
from ersm_lab.data.layouts import read_kind
from ersm_lab.data.packed import pack_folder, packed
from ersm_lab.data.scene_transforms import SceneTransform, rare_ids
from ersm_lab.data.scenes import SceneData, SceneSplit
from ersm_lab.data.schema import PackConfig, SceneTransformConfig, SegmentationDataConfig
from ersm_lab.data.seeding import seeded


class SceneItem(TypedDict):
    """``image (3, H, W)`` float32, ``label (H, W)`` int64 trainIds, ``index``, and ``name``, the picture's."""

    image: Tensor
    label: Tensor
    index: Tensor
    name: str


class SceneDataset(SizedDataset[SceneItem]):
    """Items of a split; keys are ``index`` or ``(epoch, index)``.

    The augmentation of an item follows from (seed, epoch, index), whoever loads it.
    """

    def __init__(self, split: SceneSplit, transform: SceneTransform, seed: int = 0) -> None:
        self.split, self.transform, self.seed = split, transform, seed

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, key: int | tuple[int, int]) -> SceneItem:
        epoch, index = key if isinstance(key, tuple) else (0, int(key))
        with seeded(self.seed, epoch, index):
            image, label = self.transform(*self.split.scene(index))
        return {"image": image, "label": label, "index": torch.tensor(index), "name": self.split.name(index)}


class SegmentationDataModule(BaseDataModule[SceneItem]):
    """Images with a label per pixel, in any layout that has them.

    Parameters
    ----------
    layout, root, options: which layout, where, and the layout's own options.
    transform: the ``data.transform`` group.
    batch_size, eval_batch_size: per process; whole pictures of different sizes need an ``eval_batch_size`` of 1.
    num_workers: loader processes.
    pack: ``enabled`` serves train and val from the packed cache below ``folder``; it is written on first use.
    seed: of the order and of the augmentation.

    After ``setup``: ``table``, ``classes``, ``num_classes``, ``train``, ``val``, ``test`` (raw splits; ``test`` may be None).
    """

    # batch norm learns from whole batches: what is left over waits for another epoch's order
    whole_batches = True

    def __init__(
        self,
        layout: str,
        root: str,
        options: Mapping[str, Any] | None = None,
        transform: SceneTransformConfig | Mapping[str, Any] | None = None,
        batch_size: int = SegmentationDataConfig.batch_size,
        eval_batch_size: int = SegmentationDataConfig.eval_batch_size,
        num_workers: int = SegmentationDataConfig.num_workers,
        pack: PackConfig | Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(layout, root, options, batch_size, eval_batch_size, num_workers, seed)
        self.transform = SceneTransformConfig.of(transform)
        self.pack = PackConfig.of(pack)

    def read(self) -> None:
        data = read_kind(SceneData, self.layout, self.root, self.options)
        self.table, self.classes, self.num_classes = data.table, data.classes, len(data.classes)
        self.train, self.val, self.test = data.train, data.val, data.test
        if self.pack.enabled:
            place = pack_folder(Path(self.pack.folder), self.layout, self.root, self.options)
            self.train, self.val = packed(self.train, place / "train"), packed(self.val, place / "val")
        self._rare = rare_ids(self.classes, self.transform.rare.classes, data.table.thin)

    def model_settings(self) -> dict[str, object]:
        """What a model may know of the data: keywords of its class."""
        height, width = self.transform.crop
        return {
            "num_classes": self.num_classes,
            "image_size": (height, width),
            "class_names": list(self.classes),
            "thin_classes": list(self.table.thin),
        }

    def split(self, name: str) -> SceneSplit:
        """The raw split ``train``, ``val`` or ``test``. Raises ``UserError`` where the data have no such split."""
        found = {"train": self.train, "val": self.val, "test": self.test}[name]
        if found is None:
            raise UserError(f"{self.root} has no {name} split; use evaluation.split=val")
        return found

    def view_dataset(self, name: str, view: int | None) -> SceneDataset:
        """Split ``name`` augmented, or whole when ``view`` is None."""
        transform = SceneTransform(self.transform, view is not None, self._rare)
        return SceneDataset(self.split(name), transform, self.seed)

    @staticmethod
    def collate(items: Sequence[SceneItem]) -> Mapping[str, object]:
        """Items of one size as a batch. Raises ``UserError`` that names two of different sizes."""
        sizes = {tuple(item["image"].shape[1:]): item["name"] for item in items}
        if len(sizes) > 1:
            (first, one), (second, other) = list(sizes.items())[:2]
            raise UserError(
                f"{one} has {first[0]}x{first[1]} pixels and {other} {second[0]}x{second[1]}: whole pictures of different "
                "sizes need data.eval_batch_size=1, or data.transform.resize=[H,W]"
            )
        return BaseDataModule.collate(items)
