"""Deletion and insertion at the level of pixels (Petsiuk et al., RISE: most important pixels first).

Deletion starts from the picture and covers its most important pixels; insertion starts from the covered picture and
uncovers them. Shapes: images ``(B, 3, H, W)`` normalised, importance ``(B, H, W)``, curves ``(B, steps + 1)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ersm_lab.metrics.deletion import DeletionCurve, deletion_order
from ersm_lab.vision.fills import fill_images

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MODES = ("deletion", "insertion")


@torch.no_grad()
def pixel_curve(
    model: Callable[[Tensor], Tensor],
    images: Tensor,
    importance: Tensor,
    labels: Tensor,
    mode: str = "deletion",
    fill: str = "mean",
    steps: int = 20,
    seed: int = 0,
    index: Tensor | None = None,
    batch_size: int = 256,
) -> tuple[Tensor, Tensor]:
    """``correct`` (bool) and the label's ``probability`` (float64), ``(B, steps + 1)``, after each equal share of pixels.

    Parameters
    ----------
    model: images to logits ``(M, K)``.
    mode: ``deletion`` (a good ranking falls fast: low area) or ``insertion`` (rises fast: high area).
    fill: what covered pixels are, see ``vision.fills``: ``mean``, ``black``, ``noise`` or ``blur``.
    steps: shares of pixels, at least 1; at step s exactly ``round(s / steps * H W)`` are changed.
    batch_size: covered images that go through the model at a time; memory does not depend on ``steps``.

    Raises ValueError for an unknown mode or fill, shapes that do not fit, and steps or batch_size below 1.
    """
    if min(steps, batch_size) < 1:
        raise ValueError(f"steps and batch_size must be at least 1, not {steps} and {batch_size}")
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}, but must be deletion or insertion")
    if importance.shape != (len(images), *images.shape[2:]):
        raise ValueError(
            f"importance must have the images' shape (B, H, W), not {tuple(importance.shape)} for {tuple(images.shape)}"
        )
    ranks = deletion_order(importance.flatten(1), "most_first", seed, index).argsort(1).view_as(importance)
    places = torch.arange(len(images)) if index is None else index
    covered = fill_images(images, fill, seed, places)
    before, after = (images, covered) if mode == "deletion" else (covered, images)
    pixels = importance[0].numel()
    counts = (torch.arange(steps + 1, dtype=torch.float64) * pixels / steps).round().long().to(images.device)
    pairs = torch.cartesian_prod(torch.arange(len(images)), torch.arange(steps + 1)).to(images.device)
    correct = torch.empty(len(images), steps + 1, dtype=torch.bool, device=images.device)
    probability = torch.empty(len(images), steps + 1, dtype=torch.float64, device=images.device)
    for part in pairs.split(batch_size):
        image, step = part[:, 0], part[:, 1]
        changed = (ranks[image] < counts[step][:, None, None]).unsqueeze(1)
        logits = model(torch.where(changed, after[image], before[image])).double()
        own = labels[image]
        correct[image, step] = logits.argmax(1) == own
        probability[image, step] = logits.softmax(1).gather(1, own[:, None]).squeeze(1)
    return correct, probability


class PixelDeletionCurve(DeletionCurve):
    """The mean of ``pixel_curve`` over a set of images: as ``DeletionCurve``, but the area is called after its mode.

    Parameters
    ----------
    steps: of the curves.
    mode: ``deletion`` (``deletion_auc``, lower is better) or ``insertion`` (``insertion_auc``, higher is better).
    per_sample: keep every image's own area.

    ``update`` takes the curves ``(B, steps + 1)``, correctness or probabilities.
    """

    def __init__(
        self, steps: int, mode: str = "deletion", per_sample: bool = False, **kwargs: object
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"mode is {mode!r}, but must be deletion or insertion")
        super().__init__(steps, "most_first", per_sample, **kwargs)
        self.area = f"{mode}_auc"

    def plot(self, val: Mapping[str, Tensor] | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """The curve against the share of pixels changed, in percent."""
        figure, axis = super().plot(val, ax)
        axis.set_xlabel("pixels changed, %")
        axis.set_ylabel("%")
        return figure, axis
