"""The method: features are pooled with softmax weights over cells, ``sum_i w_i t_i`` with ``w = softmax(a . t_i / T)``."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FocusPool(nn.Module):
    """Pools a feature map with learned weights over its cells.

    channels: C of the features. temperature: T above 0; the larger, the more alike the weights. focus: False weighs all cells alike.

    ``forward(features (B, C, h, w))`` gives the pooled features ``(B, C)`` and the weights ``(B, h w)``, which sum to 1.
    """

    def __init__(self, channels: int, temperature: float = 1.0, focus: bool = True) -> None:
        super().__init__()
        self.score = nn.Linear(channels, 1) if focus else None
        self.temperature = temperature

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        tokens = features.flatten(2).mT
        if self.score is None:
            weights = torch.full_like(tokens[..., 0], 1 / tokens.shape[1])
        else:
            weights = (self.score(tokens).squeeze(-1) / self.temperature).softmax(1)
        return (weights.unsqueeze(1) @ tokens).squeeze(1), weights
