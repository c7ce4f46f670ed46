"""The entropy learner under the shared trainer: one training step is one sweep over each image of its batch.

A learner belongs to one image. The first time that an image comes, its own network is made and pre-trained; every epoch
goes over it once, one compiled step per pixel, and leaves a map.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from ersm_lab.papers.slem.checks import luminance
from ersm_lab.papers.slem.engine import Engine, Maps, Settings

_NAMES = tuple(field.name for field in dataclasses.fields(Settings))


class EntropyLearner(pl.LightningModule):
    """Learns images sample by sample; their Learning Entropy maps are its result (arXiv 2606.10170).

    Parameters
    ----------
    settings: the names and defaults of ``engine.Settings``; sequences for ``hidden`` and ``alphas``.
    workers: images of a batch at a time, a core each; results do not depend on it.
    variant: a name for tables and dashboards.

    Training batches are ``{"image" (B, 1 or 3, H, W) in [0, 1], "index" (B,)}``; ``index`` names the image. Logged per step, means
    over pixels and the batch's images: train/error (e^2), train/activity and train/entropy. ``maps[index]`` holds a
    ``Maps`` per epoch seen since the last start; the weights are in the checkpoint, so that a resumed run goes on where it stopped.
    """

    def __init__(self, workers: int = 1, variant: str = "slem", **settings: Any) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False  # a step per pixel, in the engine
        self.variant, self.workers = variant, workers
        for name in ("hidden", "alphas"):
            if settings.get(name) is not None:
                settings[name] = tuple(settings[name])
        self.settings = Settings(**{name: value for name, value in settings.items() if name in _NAMES})
        self.maps: dict[int, list[Maps]] = {}
        self._weights: dict[int, list[Tensor]] = {}

    def configure_optimizers(self) -> None:
        """None: the engine takes the steps."""

    def weights(self, index: int) -> list[Tensor]:
        """The weights of the learner of image ``index``: W and b per hidden layer, then w and b."""
        return self._weights[index]

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
        self.maps.setdefault(index, []).append(maps)
        return maps

    def training_step(self, batch: Mapping[str, Tensor], batch_idx: int) -> None:
        with ThreadPoolExecutor(self.workers) as pool:
            found: Sequence[Maps] = list(pool.map(self.learn, batch["image"], batch["index"].tolist()))
        means = {
            "train/error": np.mean([np.square(maps.error).mean() for maps in found]),
            "train/activity": np.mean([maps.activity.mean() for maps in found]),
            "train/entropy": np.mean([maps.entropy.mean() for maps in found]),
        }
        self.log_dict({name: float(value) for name, value in means.items()}, batch_size=len(found))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["slem_weights"] = self._weights

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._weights = dict(checkpoint["slem_weights"])
