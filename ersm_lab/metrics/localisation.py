"""Does a mask find the object?

Shapes: scores ``(B, N)``, one per token of a grid ``(rows, columns)`` in raster order, high = kept; object masks
``(B, H, W)`` boolean. A token covers the pixels ``(y, x)`` with ``floor(y rows / H)``, ``floor(x columns / W)`` at its place,
as nearest-neighbour upsampling would.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


def token_counts(mask: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Object pixels and all pixels of each token: ``(B, N)`` and ``(N,)``, float64."""
    height, width = mask.shape[-2:]
    row = torch.arange(height, device=mask.device) * grid[0] // height
    column = torch.arange(width, device=mask.device) * grid[1] // width
    token = (row[:, None] * grid[1] + column).flatten()
    flat = mask.flatten(1).double()
    inside = flat.new_zeros(len(mask), grid[0] * grid[1]).index_add_(1, token, flat)
    return inside, torch.bincount(token, minlength=grid[0] * grid[1]).double()


def mask_auroc(score: Tensor, mask: Tensor, grid: tuple[int, int]) -> Tensor:
    """Area under the ROC curve of the score against the object's pixels, per image, ``(B,)`` in [0, 1]; 0.5 is chance.

    Exactly the pixel AUROC of the nearest-upsampled score (ties count half), from token counts: the probability that a
    pixel of the object scores higher than a pixel outside. NaN without object pixels, or without others, and for
    scores that hold a NaN.

    >>> score, mask = torch.tensor([[0.9, 0.1]]), torch.tensor([[[True, False]]])
    >>> mask_auroc(score, mask, (1, 2)).tolist()
    [1.0]
    """
    _check(score, mask, grid)
    inside, pixels = token_counts(mask, grid)
    outside = pixels - inside
    order = score.argsort(1)
    ranked = score.gather(1, order)
    positive, negative = inside.gather(1, order), outside.gather(1, order)
    below = negative.cumsum(1)
    # tokens with equal scores share one place: what lies below the group, and half of the group itself
    low = torch.searchsorted(ranked, ranked, side="left")
    high = torch.searchsorted(ranked, ranked, side="right")
    padded = torch.cat([below.new_zeros(len(below), 1), below], 1)
    beaten = 0.5 * (padded.gather(1, low) + padded.gather(1, high))
    total = inside.sum(1) * outside.sum(1)
    defined = (total > 0) & ~score.isnan().any(1)  # a NaN would be sorted somewhere, and counted there
    return torch.where(defined, (positive * beaten).sum(1) / total, torch.full_like(total, torch.nan))


def pointing_game(score: Tensor, mask: Tensor, grid: tuple[int, int]) -> Tensor:
    """Whether the centre pixel of the best token lies on the object, per image, ``(B,)`` in [0, 1].

    Tied best tokens count with their mean. NaN without object pixels. Source: Zhang et al., Top-down Neural Attention by
    Excitation Backprop, with a token's centre for a pixel's maximum.
    """
    _check(score, mask, grid)
    height, width = mask.shape[-2:]
    row = ((torch.arange(grid[0], device=mask.device) * 2 + 1) * height) // (2 * grid[0])
    column = ((torch.arange(grid[1], device=mask.device) * 2 + 1) * width) // (2 * grid[1])
    centre = mask[:, row[:, None], column].flatten(1).double()
    best = (score == score.amax(1, keepdim=True)).double()
    hit = (best * centre).sum(1) / best.sum(1)
    return torch.where(mask.flatten(1).any(1), hit, torch.full_like(hit, torch.nan))


class MaskLocalisation(Metric):
    """Means of ``mask_auroc`` and ``pointing_game`` over the images where they are defined; sums as states.

    Parameters
    ----------
    grid: (rows, columns) of tokens.
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, grid: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.grid = grid
        self.add_state("total", torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, score: Tensor, mask: Tensor) -> None:
        """``score (B, N)``, ``mask (B, H, W)`` bool."""
        values = torch.stack([mask_auroc(score, mask, self.grid), pointing_game(score, mask, self.grid)])
        self.total += values.nansum(1).to(self.total.device)
        self.count += (~values.isnan()).sum(1).to(self.count.device)

    def compute(self) -> dict[str, Tensor]:
        """``mask_auroc`` and ``pointing_game``; NaN when nothing was defined."""
        return dict(zip(("mask_auroc", "pointing_game"), self.total / self.count, strict=True))


def _check(score: Tensor, mask: Tensor, grid: tuple[int, int]) -> None:
    if score.dim() != 2 or score.shape[1] != grid[0] * grid[1]:
        raise ValueError(
            f"score must have the shape (B, {grid[0] * grid[1]}) for the grid {grid}, not {tuple(score.shape)}"
        )
    if mask.dim() != 3 or len(mask) != len(score) or mask.dtype != torch.bool:
        raise ValueError(
            f"mask must be (B, H, W) bool with the score's B, not {tuple(mask.shape)} {mask.dtype}"
        )
    if mask.shape[1] < grid[0] or mask.shape[2] < grid[1]:
        raise ValueError(f"mask of {tuple(mask.shape[1:])} pixels is smaller than the grid {grid}")
