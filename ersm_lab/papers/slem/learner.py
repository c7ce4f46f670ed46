"""The entropy learner under the shared trainer: one training step is one sweep over each image of its batch.

A learner belongs to one image. The first time that an image comes, its own network is made and pre-trained; every epoch
goes over it once, one compiled step per pixel, and leaves a map.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypedDict

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.core.machine import cores
from ersm_lab.core.protocols import Batch
from ersm_lab.core.words import nearest
from ersm_lab.papers.slem.checks import InputError, checked, luminance
from ersm_lab.papers.slem.engine.learner import Engine, Maps
from ersm_lab.papers.slem.engine.network import Network
from ersm_lab.papers.slem.schema import LearnerSettings


class State(TypedDict):
    """What a checkpoint holds besides hyper-parameters, by the number of the image: weights, and sweeps that they have seen."""

    weights: dict[int, list[Tensor]]
    epochs: dict[int, int]


class EntropyLearner(pl.LightningModule):
    """Learns images sample by sample; their Learning Entropy maps are its result (arXiv 2606.10170).

    Parameters
    ----------
    settings: of ``schema.LearnerSettings``.
    workers: images of a batch at a time, a core each; None for all cores. Results do not depend on it.
    keep_mib: maps are kept up to this size in all; those of further images are given and forgotten.
    variant: a name for tables and dashboards.
    optimizer: of the shared trainer; not used, the engine takes the steps.

    Training batches are ``{"image" (B, 1 or 3, H, W) in [0, 1] or a list, "index" (B,)}``, with ``name`` too where errors
    shall name an image otherwise than by its index. Logged per epoch, means over images of means over pixels: train/error
    (e^2), train/activity and train/entropy.
    ``maps[index]`` holds a ``Maps`` per epoch seen since the last start. Weights and the number of epochs are part of the
    state dict, so that a resumed run goes on where it stopped. Raises ``InputError`` for settings that nobody knows or that are
    out of range.
    """

    progress = ("train/error", "train/entropy")

    def __init__(
        self,
        workers: int | None = None,
        keep_mib: int = 1024,
        variant: str = "slem",
        optimizer: Mapping[str, object] | None = None,
        **settings: object,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["optimizer"])
        self.automatic_optimization = False  # a step per pixel, in the engine
        self.variant, self.workers, self.keep_mib = variant, workers or cores(), keep_mib
        if "num_classes" in settings:
            raise UserError(
                "SLEM learns single pictures, and these data come as classes: take data without labels, or "
                "digits_pictures and its like, which tell the model of no labels"
            )
        known = [field.name for field in dataclasses.fields(LearnerSettings)]
        for name in settings:
            if name not in known:
                raise InputError(f"no setting {name!r} of an entropy learner{nearest(name, known)}")
        self.settings = checked(LearnerSettings.of(settings))
        self.maps: dict[int, list[Maps]] = {}
        self._weights: dict[int, list[Tensor]] = {}
        self._epochs: dict[int, int] = {}
        self._kept = 0  # bytes of maps

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One that moves nothing: the engine takes the steps of the weights, and Lightning counts those of this one."""
        return torch.optim.SGD([torch.zeros(1)], lr=1.0)

    def compile_parts(self) -> None:
        """Nothing is left to compile: the engine is."""

    def setup(self, stage: str) -> None:
        if self.trainer.world_size > 1:
            raise UserError(
                "SLEM learns images on the cores of one process: use trainer.devices=1 (model.workers=N)"
            )
        callbacks = self.trainer.callbacks  # type: ignore[attr-defined]
        if any(isinstance(callback, WeightAveraging) for callback in callbacks):
            raise UserError("SLEM's learners keep no average of their weights: leave trainer.ema_decay=null")

    def weights(self, index: int) -> list[Tensor]:
        """The weights of the learner of image ``index``: W and b per hidden layer, then w and b."""
        return self._weights[index]

    def epochs(self, index: int) -> int:
        """How many sweeps over image ``index`` the weights have seen."""
        return self._epochs.get(index, 0)

    @property
    def weight_count(self) -> int:
        """Weights of the learner of one image."""
        k = self.settings.window_size
        return Network(k * k - 1, tuple(self.settings.hidden)).weights

    def learn(self, image: Tensor, index: int) -> Maps:
        """One sweep over ``image`` (1 or 3, H, W), by the learner of ``index``, which is made if there is none."""
        pixels = image.detach().cpu().numpy()
        grey = luminance(pixels[0] if pixels.shape[0] == 1 else np.moveaxis(pixels, 0, 2))
        known = self._weights.get(index)
        weights = None if known is None else [weight.numpy() for weight in known]
        engine = Engine((grey.shape[0], grey.shape[1]), self.settings, weights)
        if known is None:
            engine.pretrain(grey)
        maps = engine.sweep(grey)
        self._weights[index] = [torch.from_numpy(np.array(weight)) for weight in engine.weights]
        self._epochs[index] = self.epochs(index) + 1
        size = sum(map_.nbytes for map_ in maps)
        if self._kept + size <= self.keep_mib * 2**20:
            self._kept += size
            self.maps.setdefault(index, []).append(maps)
        return maps

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        indices: list[int] = batch["index"].tolist()
        names: Sequence[str] = batch.get("name") or [f"image {index}" for index in indices]
        with ThreadPoolExecutor(self.workers) as pool:
            found = list(pool.map(self._named, batch["image"], indices, names))
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list)
        optimizer.step()  # a step to Lightning is a batch of images
        means = {
            "train/error": np.mean([np.square(maps.error).mean() for maps in found]),
            "train/activity": np.mean([maps.activity.mean() for maps in found]),
            "train/entropy": np.mean([maps.entropy.mean() for maps in found]),
        }
        self.log_dict(
            {name: float(value) for name, value in means.items()},
            on_step=False,
            on_epoch=True,
            batch_size=len(found),
        )
        return torch.tensor(float(means["train/error"]))

    def _named(self, image: Tensor, index: int, name: str) -> Maps:
        try:
            return self.learn(image, index)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error

    def get_extra_state(self) -> State:
        """Of the state dict: plain containers and tensors, which load with ``weights_only``."""
        return {"weights": dict(self._weights), "epochs": dict(self._epochs)}

    def set_extra_state(self, state: State) -> None:
        self._weights, self._epochs = dict(state["weights"]), dict(state["epochs"])
