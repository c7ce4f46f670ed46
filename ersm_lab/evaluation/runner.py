"""A trained model on its device, in its arithmetic, without gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
_WEIGHTS = {"bf16-true": torch.bfloat16, "64-true": torch.float64}


class Runner:
    """Runs batches through a model in eval mode.

    Parameters
    ----------
    model: a LightningModule with ``step(batch) -> (output, losses)`` and, for the feature cache, ``features(images)``.
    device: where.
    precision: the trainer's precision; autocast or the weights' type follow from it.
    channels_last: memory format of images.
    """

    def __init__(
        self, model: Any, device: torch.device, precision: str = "32-true", channels_last: bool = False
    ) -> None:
        self.dtype = _WEIGHTS.get(precision, torch.float32)
        self.model = model.to(device=device, dtype=self.dtype).eval()
        self.device, self.precision, self.channels_last = device, precision, channels_last

    @torch.inference_mode()
    def __call__(self, batch: Mapping[str, Any]) -> Any:
        """The model's output for a batch as a data module gives it."""
        with self._autocast():
            return self.model.step(self.move(batch))[0]

    @torch.inference_mode()
    def features(self, batch: Mapping[str, Any]) -> Tensor:
        """The backbone's features of the batch's images ``(B, C, h, w)``."""
        with self._autocast():
            features: Tensor = self.model.features(self.move(batch)["image"])
        return features

    @torch.inference_mode()
    def segment(self, images: Tensor) -> Any:
        """What the model's ``segment`` gives for images ``(B, 3, H, W)``."""
        with self._autocast():
            return self.model.segment(self.move({"image": images})["image"])

    def _autocast(self) -> torch.autocast:
        kind = _AUTOCAST.get(self.precision)
        return torch.autocast(self.device.type, dtype=kind or torch.bfloat16, enabled=kind is not None)

    def move(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        moved = {}
        for name, value in batch.items():
            if isinstance(value, Tensor):
                value = value.to(
                    self.device, self.dtype if value.is_floating_point() else None, non_blocking=True
                )
                if self.channels_last and value.dim() == 4:
                    value = value.contiguous(memory_format=torch.channels_last)
            moved[name] = value
        return moved
