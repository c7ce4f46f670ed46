"""Do masks of zeros and ones leave seams: more errors along their borders than the same pixels would have without them?

Shapes: maps ``(B, H, W)``, masks of cells ``(B, 1, h, w)``.

Mask borders follow object borders, where every network errs most. So errors at seams are compared with errors elsewhere at
the same distance to a true border, and with those of a control without masks at the very same pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ersm_lab.metrics.boundaries import border_distance, class_edges
from ersm_lab.metrics.samples import SampledMetric

DISTANCES = (1, 2, 4, 8, 16, 32)


def mask_pixels(mask: Tensor, size: Sequence[int]) -> Tensor:
    """A mask of cells ``(B, 1, h, w)`` as pixels ``(B, *size)``, bool: each takes its nearest cell."""
    return F.interpolate(mask.float(), size=list(size), mode="nearest")[:, 0] > 0.5


def seam_pixels(masks: Sequence[Tensor], size: Sequence[int], width: int = 1) -> Tensor:
    """Pixels ``(B, *size)`` within ``width`` of where one of the masks, upsampled by nearest neighbour, changes."""
    first = masks[0]
    found = torch.zeros(len(first), *size, dtype=torch.bool, device=first.device)
    for mask in masks:
        label = mask_pixels(mask, size)
        found |= class_edges(label.to(torch.uint8), torch.ones_like(label), width)
    return found


def distance_bins(target: Tensor, ignore_index: int = 255, distances: Sequence[int] = DISTANCES) -> Tensor:
    """Index of the first of ``distances`` (ascending, pixels) that is at least a pixel's Euclidean distance to a true border
    pixel; ``len(distances)`` beyond. ``(B, H, W)`` int64."""
    truth = target.cpu()  # in float64, which not every device has
    away = border_distance(truth, truth != ignore_index)
    return torch.bucketize(away, torch.tensor(distances, dtype=torch.float64)).to(target.device)


def seam_counts(
    wrong: Tensor, seams: Tensor, bins: Tensor, valid: Tensor, count: int = len(DISTANCES) + 1
) -> Tensor:
    """Per image ``(B, count, 2, 2)`` int64: by distance bin, off and on seams, pixels and errors among them.

    ``wrong``, ``seams``, ``valid`` bool and ``bins`` int64, all ``(B, H, W)``.
    """
    found = []
    for i in range(len(wrong)):
        place = (bins[i] * 2 + seams[i].long())[valid[i]]
        pixels = torch.bincount(place, minlength=2 * count)
        errors = torch.bincount(place[wrong[i][valid[i]]], minlength=2 * count)
        found.append(torch.stack([pixels, errors], -1).view(count, 2, 2))
    return torch.stack(found)


def seam_excess(counts: Tensor, control: Tensor | None = None) -> Tensor:
    """Excess error rate at seams, matched by distance to the true border; 0 is no seam, higher is worse.

    ``counts``, ``control`` ``(..., bins, 2, 2)`` as ``seam_counts`` gives them, the control's at the same pixels. In each bin
    the error rate on seams minus that off seams, averaged with the seams' pixels as weights over bins that have both; with a
    control, minus the same of the control. NaN where no bin has both.
    """
    pixels, errors = counts.double().unbind(-1)
    both = (pixels > 0).all(-1)
    weight = torch.where(both, pixels[..., 1], 0.0)
    rate = errors / pixels
    gap = rate[..., 1] - rate[..., 0]
    if control is not None:
        other = control.double()[..., 1] / pixels
        gap = gap - (other[..., 1] - other[..., 0])
    total: Tensor = torch.where(both, gap * weight, 0.0).sum(-1) / weight.sum(-1)
    return total


class SeamTest(SampledMetric):
    """Errors by distance to the true border, on and off the masks' seams; its states are sums.

    Parameters
    ----------
    width: pixels on either side of a mask's border that are its seam. ignore_index: the label not to count.
    per_sample: keep every image's counts, for the bootstrap; ``samples()`` gives them.

    ``update`` takes the predictions of the network with masks and, paired, those of a control without them. ``compute()``
    gives ``seam_excess`` and, with a control, ``seam_excess_over_control``: differences of error rates in [-1, 1], 0 for
    no seam.
    """

    counts: Tensor
    control: Tensor
    images: Tensor

    def __init__(
        self, width: int = 1, ignore_index: int = 255, per_sample: bool = False, **kwargs: object
    ) -> None:
        shape = (len(DISTANCES) + 1, 2, 2)
        super().__init__(2 * math.prod(shape), per_sample, **kwargs)
        self.width, self.ignore_index = width, ignore_index
        for name in ("counts", "control"):
            self.add_state(name, torch.zeros(shape, dtype=torch.int64), dist_reduce_fx="sum")
        # all, and those with a control
        self.add_state("images", torch.zeros(2, dtype=torch.int64), dist_reduce_fx="sum")

    def update(
        self, prediction: Tensor, target: Tensor, masks: Sequence[Tensor], control: Tensor | None = None
    ) -> None:
        """Predicted classes and truth ``(B, H, W)``, masks ``(B, 1, h, w)``, and the control's classes ``(B, H, W)``."""
        if not masks:
            raise ValueError("a network without masks has no seams")
        valid = target != self.ignore_index
        seams = seam_pixels(masks, target.shape[-2:], self.width).to(target.device)
        bins = distance_bins(target, self.ignore_index)
        counts = seam_counts(prediction != target, seams, bins, valid).to(self.counts.device)
        paired = torch.zeros_like(counts)
        if control is not None:
            paired = seam_counts(control != target, seams, bins, valid).to(self.control.device)
            self.images[1] += len(target)
        self.counts += counts.sum(0)
        self.control += paired.sum(0)
        self.images[0] += len(target)
        self.keep(torch.cat([counts.flatten(1), paired.flatten(1)], 1))

    def compute(self) -> dict[str, Tensor]:
        counts = self.counts.cpu()
        found = {"seam_excess": seam_excess(counts)}
        if self._paired():
            found["seam_excess_over_control"] = seam_excess(counts, self.control.cpu())
        return found

    def samples(self) -> dict[str, Tensor]:
        """Every image's counts as ``seam_counts`` gives them, ``(n, bins, 2, 2)`` float64, in the order of update: those of the
        ``model`` and, where there is one, of its ``control``."""
        both = self.kept().view(-1, 2, *self.counts.shape)
        found = {"model": both[:, 0]}
        return {**found, "control": both[:, 1]} if self._paired() else found

    def _paired(self) -> bool:
        images, paired = self.images.tolist()
        if paired not in (0, images):
            raise ValueError(
                f"the control was given for {paired} of {images} images; it is paired with all or none"
            )
        return bool(paired)
