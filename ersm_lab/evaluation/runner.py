"""A trained model on its device, in its arithmetic, without gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

from ersm_lab.core.protocols import Model

_AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
_WEIGHTS = {"bf16-true": torch.bfloat16, "64-true": torch.float64}

ModelT = TypeVar("ModelT", bound=Model)
Output = TypeVar("Output")


class Runner(Generic[ModelT]):
    """Runs tensors through a model in eval mode.

    Parameters
    ----------
    model: a LightningModule; it is moved.
    device: where.
    precision: the trainer's precision; autocast or the weights' type follow from it.
    channels_last: memory format of images.
    """

    def __init__(
        self, model: ModelT, device: torch.device, precision: str = "32-true", channels_last: bool = False
    ) -> None:
        self.dtype = _WEIGHTS.get(precision, torch.float32)
        self.model = model.to(device=device, dtype=self.dtype).eval()
        self.device, self.precision, self.channels_last = device, precision, channels_last

    @torch.inference_mode()
    def run(self, method: Callable[[Tensor], Output], tensor: Tensor) -> Output:
        """What ``method``, one of the model's, gives for a tensor as a data module gives it."""
        kind = _AUTOCAST.get(self.precision)
        with torch.autocast(self.device.type, dtype=kind or torch.bfloat16, enabled=kind is not None):
            return method(self.place(tensor))

    def place(self, tensor: Tensor) -> Tensor:
        """A tensor on the model's device, floating-point ones in the weights' type."""
        kind = self.dtype if tensor.is_floating_point() else None
        placed = tensor.to(self.device, kind, non_blocking=True)
        if self.channels_last and placed.dim() == 4:
            return placed.contiguous(memory_format=torch.channels_last)
        return placed
