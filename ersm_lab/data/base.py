"""What all data modules do alike: the data set is read once, and loaders give its splits in a seeded order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from ersm_lab.data.sampler import EpochSampler, EvalSampler

ItemT = TypeVar("ItemT")


class SizedDataset(Dataset[ItemT]):
    """A torch data set that knows its length."""

    def __len__(self) -> int:
        raise NotImplementedError


class BaseDataModule(pl.LightningDataModule, Generic[ItemT]):
    """Base of the data modules: a subclass reads the data set in ``read``, and serves a split in ``view_dataset``.

    Parameters
    ----------
    layout, root, options: which layout, where, and the layout's own options.
    batch_size, eval_batch_size: items per process and step.
    num_workers: loader processes.
    seed: of the order.
    """

    whole_batches = False  # whether training leaves out what does not fill a batch

    def __init__(
        self,
        layout: str,
        root: str,
        options: Mapping[str, Any] | None,
        batch_size: int,
        eval_batch_size: int,
        num_workers: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.layout, self.root, self.options = layout, Path(root), dict(options or {})
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.num_workers, self.seed = num_workers, seed
        self._ready = False

    @staticmethod
    def collate(items: Sequence[Any]) -> Mapping[str, object]:
        """Items as a batch."""
        batch: Mapping[str, object] = default_collate(list(items))
        return batch

    def setup(self, stage: str | None = None) -> None:
        """Reads the data set (a generated one is written first), once."""
        if not self._ready:
            self.read()
            self._ready = True

    def read(self) -> None:
        """Reads the splits. Raises ``UserError`` for data that are missing, damaged, or of another kind."""
        raise NotImplementedError

    def model_settings(self) -> Mapping[str, object]:
        """What a model may know of the data: keywords of its class."""
        return {}

    def view_dataset(self, name: str, view: int | None) -> SizedDataset[ItemT]:
        """Split ``name`` under one augmented view, or as evaluation sees it when ``view`` is None."""
        raise NotImplementedError

    def train_dataset(self) -> SizedDataset[ItemT]:
        """What training draws from: its keys are ``(epoch, index)``."""
        return self.view_dataset("train", 0)

    def train_sampler(self) -> EpochSampler:
        return EpochSampler(len(self.train_dataset()), self.seed, self.batch_size)

    def eval_sampler(self, length: int) -> EvalSampler:
        return EvalSampler(length)

    def train_dataloader(self) -> DataLoader[ItemT]:
        dataset = self.train_dataset()
        drop_last = self.whole_batches and len(dataset) >= self.batch_size
        return self._loader(dataset, self.batch_size, self.train_sampler(), drop_last)

    def val_dataloader(self) -> DataLoader[ItemT]:
        return self.eval_dataloader("val")

    def test_dataloader(self) -> DataLoader[ItemT]:
        return self.eval_dataloader("test")

    def eval_dataloader(self, name: str, rank_share: bool = True) -> DataLoader[ItemT]:
        """Split ``name`` in order; ``rank_share`` False gives every process all of it."""
        dataset = self.view_dataset(name, None)
        sampler = self.eval_sampler(len(dataset)) if rank_share else None
        return self._loader(dataset, self.eval_batch_size, sampler)

    def _loader(
        self,
        dataset: Dataset[ItemT],
        batch_size: int,
        sampler: Sampler[int] | Sampler[tuple[int, int]] | None,
        drop_last: bool = False,
    ) -> DataLoader[ItemT]:
        return DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            drop_last=drop_last,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            collate_fn=self.collate,
            generator=torch.Generator().manual_seed(self.seed),
        )
