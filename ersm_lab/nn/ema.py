"""Exponential moving average of the weights, as an averaging rule for Lightning's ``WeightAveraging``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def ema_rule(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """``average <- average + (1 - decay) (current - average)``, in place over lists of tensors.

    Written as an interpolation so that a tensor that does not change, such as a frozen backbone's statistics, stays
    bit-identical; integer buffers (counters) are copied, for their average would be truncated.
    """

    @torch.no_grad()
    def update(averages: Sequence[Tensor], currents: Sequence[Tensor], _: Tensor | int) -> None:
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current.to(average.dtype), 1 - decay)
            else:
                average.copy_(current)

    return update
