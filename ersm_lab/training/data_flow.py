"""From a data module to loaders: images, or the cached features of a frozen backbone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from ersm_lab.config.schema import RunConfig
from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Batch, DataModule, FeatureClassifier
from ersm_lab.evaluation.classifiers.models import has_features
from ersm_lab.evaluation.runner import ModelT, Runner
from ersm_lab.runs.fingerprint import data_fingerprint
from ersm_lab.training.build import device_of
from ersm_lab.training.features import CacheableData, CachedFeatures, FeatureCache, whole


class Flow:
    """The loaders of one run.

    Parameters
    ----------
    config: of the run.
    data: its data module, set up.
    model: its model; with the feature cache its backbone must be the frozen one.
    train: False builds no features of the training split.
    """

    def __init__(
        self, config: RunConfig, data: DataModule, model: pl.LightningModule, train: bool = True
    ) -> None:
        self.config, self.data = config, data
        self._features: _Features | None = None
        if config.trainer.feature_cache.enabled:
            self._features = _Features(config, data, self._with_features(model), train)

    def runner(self, model: ModelT) -> Runner[ModelT]:
        """``model`` on the device and in the precision of this run."""
        trainer = self.config.trainer
        return Runner(model, device_of(trainer.accelerator), trainer.precision, trainer.channels_last)

    def _with_features(self, model: pl.LightningModule) -> Runner[FeatureClassifier]:
        if not has_features(model):
            raise UserError(
                f"trainer.feature_cache.enabled=true, but {type(model).__name__} has no features to cache: switch it off"
            )
        return self.runner(model)

    def train_loader(self) -> Iterable[Batch]:
        """The training split in the order of the epoch."""
        return self.data.train_dataloader() if self._features is None else self._features.train_loader()

    def val_loader(self) -> Iterable[Batch]:
        """The validation split, this process's share of it."""
        return self.eval_loader("val")

    def eval_loader(self, split: str, rank_share: bool = True) -> Iterable[Batch]:
        """``split`` in order; ``rank_share`` False gives every process all of it."""
        if self._features is None:
            return self.data.eval_dataloader(split, rank_share=rank_share)
        return self._features.eval_loader(split, rank_share)


class _Features:
    """Loaders of cached features."""

    def __init__(
        self, config: RunConfig, data: DataModule, runner: Runner[FeatureClassifier], train: bool
    ) -> None:
        if not isinstance(data, CacheableData):
            raise UserError(
                f"trainer.feature_cache.enabled=true, but features of data={config.data.name} cannot be cached: switch it off"
            )
        self._settings, self._data = config.data, data
        self._cache = FeatureCache(
            Path(config.paths.cache) / "features",
            data,
            config.data,
            data_fingerprint(config.data.layout, Path(config.data.root), config.data.options),
            runner,
            config.trainer.feature_cache,
        )
        self._held: dict[str, CachedFeatures] = {}
        if train:
            self._held["train"] = self._cache.dataset("train", max(1, data.views))
            self._held["val"] = self._cache.dataset("val")

    def train_loader(self) -> DataLoader[Batch]:
        size = self._settings.batch_size
        sampler = self._data.train_sampler()
        return DataLoader(self._held["train"], batch_size=size, sampler=sampler, collate_fn=whole)

    def eval_loader(self, split: str, rank_share: bool) -> DataLoader[Batch]:
        # the training split is held under its augmented views: asked for in order, it is another one
        dataset = self._held["val"] if split == "val" and self._held else self._cache.dataset(split)
        size = self._settings.eval_batch_size or 2 * self._settings.batch_size
        shared = rank_share and torch.distributed.is_initialized()
        sampler = self._data.eval_sampler(len(dataset)) if shared else None
        return DataLoader(dataset, batch_size=size, sampler=sampler, collate_fn=whole)
