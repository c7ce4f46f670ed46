"""Does a mask find the object?

Shapes: scores ``(B, N)``, one per token of a grid ``(rows, columns)`` in raster order, high = kept; object masks
``(B, H, W)`` boolean. A token covers the pixels ``(y, x)`` with ``floor(y rows / H)``, ``floor(x columns / W)`` at its place,
as nearest-neighbour upsampling would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ersm_lab.metrics.samples import SampledMetric, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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


def matched_area_iou(score: Tensor, mask: Tensor, grid: tuple[int, int]) -> Tensor:
    """IoU of the object with as many of the best pixels as the object has, per image, ``(B,)`` in [0, 1], high is good.

    Tokens enter from the highest score down; of those that would overshoot the object's area (one token, or several tied
    ones) an even part of their pixels counts. NaN without object pixels, or for scores that hold a NaN.

    >>> score, mask = torch.tensor([[0.9, 0.1]]), torch.tensor([[[True, False]]])
    >>> matched_area_iou(score, mask, (1, 2)).tolist()
    [1.0]
    """
    _check(score, mask, grid)
    inside, pixels = token_counts(mask, grid)
    order = score.argsort(1, descending=True)
    ranked = -score.gather(1, order)
    size = pixels[order]
    before = torch.cat([size.new_zeros(len(size), 1), size.cumsum(1)], 1)
    start = before.gather(1, torch.searchsorted(ranked, ranked, side="left"))
    end = before.gather(1, torch.searchsorted(ranked, ranked, side="right"))
    area = inside.sum(1, keepdim=True)
    part = ((area - start) / (end - start)).clamp(0, 1)
    hit = (part * inside.gather(1, order)).sum(1)
    defined = (area.squeeze(1) > 0) & ~score.isnan().any(1)
    return torch.where(defined, hit / (2 * area.squeeze(1) - hit), torch.full_like(hit, torch.nan))


def energy_inside(saliency: Tensor, mask: Tensor, grid: tuple[int, int]) -> Tensor:
    """Share of a saliency's total that lies on the object, per image, ``(B,)`` in [0, 1]; chance is the object's area.

    ``saliency (B, N)`` is not negative. NaN where it is zero everywhere. Source: Wang et al., Score-CAM (energy-based pointing
    game). Raises ValueError for negative values.
    """
    _check(saliency, mask, grid)
    if (saliency < 0).any():
        raise ValueError("energy_inside needs a saliency that is not negative")
    inside, pixels = token_counts(mask, grid)
    values = saliency.double()
    return (values * inside).sum(1) / (values * pixels).sum(1)


MEASURES: dict[str, Callable[[Tensor, Tensor, tuple[int, int]], Tensor]] = {
    "mask_auroc": mask_auroc,
    "pointing_game": pointing_game,
    "matched_area_iou": matched_area_iou,
}


class MaskLocalisation(SampledMetric):
    """Means of the measures above over the images where they are defined; states are sums.

    Parameters
    ----------
    grid: (rows, columns) of tokens.
    per_sample: keep every image's values, for the bootstrap; ``samples()`` gives them.

    ``compute()`` gives ``mask_auroc``, ``pointing_game``, ``matched_area_iou`` and ``energy_inside``; NaN where nothing was defined. All in [0, 1], high is good.
    """

    higher_is_better = True
    total: Tensor
    count: Tensor

    def __init__(self, grid: tuple[int, int], per_sample: bool = False, **kwargs: object) -> None:
        names = (*MEASURES, "energy_inside")
        super().__init__(len(names), per_sample, **kwargs)
        self.grid, self.names = grid, names
        self.add_state("total", torch.zeros(len(self.names), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(len(self.names), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, score: Tensor, mask: Tensor, saliency: Tensor | None = None) -> None:
        """``score (B, N)``, ``mask (B, H, W)`` bool, and ``saliency (B, N)``, a form of the score that is not negative, for
        ``energy_inside``: without one it is the score itself, and an image with a negative score has no ``energy_inside``."""
        found = [measure(score, mask, self.grid) for measure in MEASURES.values()]
        if saliency is None:
            saliency = torch.where((score < 0).any(1, keepdim=True), torch.zeros_like(score), score)
        found.append(energy_inside(saliency, mask, self.grid))
        values = torch.stack(found, 1).to(self.total.device)
        self.total += values.nansum(0)
        self.count += (~values.isnan()).sum(0)
        self.keep(values)

    def compute(self) -> dict[str, Tensor]:
        return dict(zip(self.names, self.total / self.count, strict=True))

    def samples(self) -> dict[str, Tensor]:
        """Every image's values, ``(n,)`` each, in the order of update (rank after rank over several processes)."""
        return dict(zip(self.names, self.kept().T, strict=True))

    def plot(self, val: Mapping[str, Tensor] | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """A bar per measure, in percent."""
        values = {
            name: 100 * float(value) for name, value in (self.compute() if val is None else val).items()
        }
        figure, axis = axes_of(ax)
        axis.barh([name.replace("_", " ") for name in values], list(values.values()))
        axis.set_xlabel("%")
        axis.set_xlim(0, 100)
        return figure, axis


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
