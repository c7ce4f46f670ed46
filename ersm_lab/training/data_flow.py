"""From a data module to loaders: images, or the cached features of a frozen backbone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from ersm_lab.evaluation.runner import Runner
from ersm_lab.runs.fingerprint import data_fingerprint
from ersm_lab.training.build import device_of
from ersm_lab.training.features import FeatureCache, whole


class Flow:
    """The loaders of one run.

    Parameters
    ----------
    config: the resolved configuration.
    data: its data module, set up.
    model: its model; with the feature cache its backbone must be the frozen one.
    train: False builds no features of the training split.
    """

    def __init__(self, config: Mapping[str, Any], data: Any, model: Any, train: bool = True) -> None:
        self.config, self.data = config, data
        self.cache: FeatureCache | None = None
        settings = config["trainer"]["feature_cache"]
        if settings["enabled"]:
            self.cache = FeatureCache(
                Path(config["paths"]["cache"]) / "features",
                data,
                config["data"],
                data_fingerprint(
                    config["data"]["layout"], Path(config["data"]["root"]), config["data"]["options"]
                ),
                self.runner(model),
                dtype=settings["dtype"],
                batch_size=settings["batch_size"],
                seed=data.augment_seed,
            )
            if train:
                self._train = self.cache.dataset("train", max(1, config["data"]["views"]))
                self._val = self.cache.dataset("val")

    def runner(self, model: Any) -> Runner:
        """``model`` on the device and in the precision of this run."""
        t = self.config["trainer"]
        return Runner(model, device_of(self.config), t["precision"], t["channels_last"])

    def train_loader(self) -> DataLoader[Any]:
        if self.cache is None:
            loader: DataLoader[Any] = self.data.train_dataloader()
            return loader
        size = self.config["data"]["batch_size"]
        return DataLoader(self._train, batch_size=size, sampler=self.data.train_sampler(), collate_fn=whole)

    def val_loader(self) -> DataLoader[Any]:
        return self.eval_loader("val")

    def eval_loader(self, split: str, rank_share: bool = True) -> DataLoader[Any]:
        """``split`` in order; ``rank_share`` False gives every process all of it."""
        if self.cache is None:
            loader: DataLoader[Any] = self.data.eval_dataloader(split, rank_share=rank_share)
            return loader
        dataset = getattr(self, f"_{split}", None) or self.cache.dataset(split)
        size = self.config["data"]["eval_batch_size"] or 2 * self.config["data"]["batch_size"]
        sampler = (
            self.data.eval_sampler(len(dataset))
            if rank_share and torch.distributed.is_initialized()
            else None
        )
        return DataLoader(dataset, batch_size=size, sampler=sampler, collate_fn=whole)
