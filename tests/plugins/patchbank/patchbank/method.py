"""A memory bank of patch features, thinned by greedy k-centre, and the distance of an image's strangest patch to it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def patches(features: Tensor) -> Tensor:
    """``(B, C, h, w)`` to ``(B, h w, C)``: each position with the mean of its 3x3 neighbourhood."""
    return F.avg_pool2d(features, 3, 1, 1, count_include_pad=False).flatten(2).mT


def thin(bank: Tensor, count: int, greedy: bool = True) -> Tensor:
    """``count`` of the patches ``(M, C)``: greedily the one farthest from those chosen, or evenly spread in the order given."""
    if not greedy:
        return bank[torch.linspace(0, len(bank) - 1, count).round().long()]
    chosen, distance = [0], torch.cdist(bank, bank[:1]).squeeze(1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = torch.minimum(distance, torch.cdist(bank, bank[chosen[-1:]]).squeeze(1))
    return bank[chosen]


def strangeness(found: Tensor, bank: Tensor) -> Tensor:
    """``(B,)``: of the patches ``(B, N, C)``, the largest distance to the nearest of the bank ``(M, C)``."""
    nearest = torch.cdist(found.flatten(0, 1), bank).min(1).values
    return nearest.view(found.shape[:2]).max(1).values
