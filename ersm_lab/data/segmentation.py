"""The data module of pictures with a label per pixel: any layout that gives ``SceneData``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from ersm_lab.core.errors import UserError
from ersm_lab.data.layouts import read_layout
from ersm_lab.data.packed import pack_folder, packed
from ersm_lab.data.sampler import EpochSampler, EvalSampler
from ersm_lab.data.scene_transforms import SceneTransform, rare_ids
from ersm_lab.data.scenes import SceneData, SceneSplit

DEFAULTS: dict[str, Any] = {
    "crop": (768, 768),
    "resize": None,
    "scale": (0.5, 2.0),
    "hflip": True,
    "rare": {"enabled": False, "p": 0.5, "classes": None},
    "jitter": {"enabled": False},
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
}


class SceneDataset(Dataset[dict[str, Any]]):
    """Items of a split; keys are ``index`` or ``(epoch, index)``.

    Item: ``image (3, H, W)`` float32, ``label (H, W)`` int64 trainIds, ``index``, and ``name``, the picture's. The
    augmentation of an item follows from (seed, epoch, index), whoever loads it.
    """

    def __init__(self, split: SceneSplit, transform: SceneTransform, seed: int = 0) -> None:
        self.split, self.transform, self.seed = split, transform, seed

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Any]:
        epoch, index = key if isinstance(key, tuple) else (0, int(key))
        with torch.random.fork_rng(devices=[]):
            # this generator alone: torch.manual_seed would seed every device's too, leave them so, and take long
            seed = self.seed * 1_000_003 + epoch * 7_368_787 + index * 2_654_435_761
            torch.default_generator.manual_seed(seed % 2**63)
            image, label = self.transform(*self.split.scene(index))
        return {"image": image, "label": label, "index": torch.tensor(index), "name": self.split.name(index)}


class SegmentationDataModule(pl.LightningDataModule):
    """Pictures with labels per pixel, in any layout of ``ersm_lab.data.layouts`` that has them.

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

    def __init__(
        self,
        layout: str,
        root: str,
        options: Mapping[str, Any] | None = None,
        transform: Mapping[str, Any] | None = None,
        batch_size: int = 8,
        eval_batch_size: int = 1,
        num_workers: int = 0,
        pack: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.layout, self.root, self.options = layout, Path(root), dict(options or {})
        self.transform = {**DEFAULTS, **(transform or {})}
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.num_workers, self.seed = num_workers, seed
        self.pack = dict(pack or {"enabled": False})
        self._ready = False

    def setup(self, stage: str | None = None) -> None:
        if self._ready:
            return
        data: Any = read_layout(self.layout, self.root, self.options)
        if not isinstance(data, SceneData):
            raise UserError(
                f"data.layout={self.layout} has one label per picture; segmentation takes cityscapes, camvid or toy_streets"
            )
        self.table, self.classes, self.num_classes = data.table, data.classes, len(data.classes)
        self.train, self.val, self.test = data.train, data.val, data.test
        if self.pack["enabled"]:
            place = pack_folder(Path(self.pack["folder"]), self.layout, self.root, self.options)
            self.train, self.val = packed(self.train, place / "train"), packed(self.val, place / "val")
        rare = self.transform["rare"] or {}
        self._rare = rare_ids(self.classes, rare.get("classes"), data.table.thin)
        self._ready = True

    def model_settings(self) -> dict[str, Any]:
        """What a model must know of the data: keywords of its class."""
        height, width = self.transform["crop"]
        return {
            "num_classes": self.num_classes,
            "image_size": (int(height), int(width)),
            "class_names": list(self.classes),
        }

    def split(self, name: str) -> SceneSplit:
        """The raw split ``train``, ``val`` or ``test``. Raises ``UserError`` where the data have no such split."""
        found: SceneSplit | None = {"train": self.train, "val": self.val, "test": self.test}[name]
        if found is None:
            raise UserError(f"{self.root} has no {name} split; use evaluation.split=val")
        return found

    def view_dataset(self, name: str, view: int | None) -> SceneDataset:
        """Split ``name`` augmented, or whole when ``view`` is None."""
        transform = SceneTransform(self.transform, view is not None, self._rare)
        return SceneDataset(self.split(name), transform, self.seed)

    def train_dataloader(self) -> DataLoader[Any]:
        dataset = self.view_dataset("train", 0)
        # batch norm learns from whole batches: what is left over waits for another epoch's order
        return self._loader(
            dataset,
            self.batch_size,
            EpochSampler(len(dataset), self.seed, self.batch_size),
            len(dataset) >= self.batch_size,
        )

    def val_dataloader(self) -> DataLoader[Any]:
        return self.eval_dataloader("val")

    def test_dataloader(self) -> DataLoader[Any]:
        return self.eval_dataloader("test")

    def eval_dataloader(self, name: str, rank_share: bool = True) -> DataLoader[Any]:
        """Split ``name`` in order, whole pictures; ``rank_share`` False gives every process all of it."""
        dataset = self.view_dataset(name, None)
        return self._loader(dataset, self.eval_batch_size, EvalSampler(len(dataset)) if rank_share else None)

    def _loader(
        self, dataset: SceneDataset, batch_size: int, sampler: Any, drop_last: bool = False
    ) -> DataLoader[Any]:
        return DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            drop_last=drop_last,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            collate_fn=_collate,
            generator=torch.Generator().manual_seed(self.seed),
        )


def _collate(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sizes = {tuple(item["image"].shape[1:]): item["name"] for item in items}
    if len(sizes) > 1:
        (first, one), (second, other) = list(sizes.items())[:2]
        raise UserError(
            f"{one} has {first[0]}x{first[1]} pixels and {other} {second[0]}x{second[1]}: whole pictures of different sizes "
            "need data.eval_batch_size=1, or data.transform.resize=[H,W]"
        )
    batch: dict[str, Tensor | list[str]] = default_collate(list(items))
    return batch
