"""How a whole picture is segmented: in one pass, in windows that overlap, at several scales, mirrored.

Shapes: images ``(B, 3, H, W)`` normalised; probabilities ``(B, K, H, W)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ersm_lab.core.protocols import SegmentationModel
from ersm_lab.evaluation.runner import Runner


class Segmentation(NamedTuple):
    """``probability (B, K, H, W)`` float32; ``importance (B, 1, h, w)`` and ``masks``, each ``(B, 1, h, w)``, of the plain pass over
    the whole picture: None and ``[]`` where there is none."""

    probability: Tensor
    importance: Tensor | None
    masks: list[Tensor]


class Segmenter:
    """Segments images as the ``evaluation.inference`` group says.

    Parameters
    ----------
    runner: the model on its device.
    settings: ``mode`` (``whole`` or ``slide``), ``window`` (H, W), ``stride`` as a share of the window, ``scales``, ``flip``.
    """

    def __init__(self, runner: Runner[SegmentationModel], settings: Mapping[str, Any]) -> None:
        self.runner = runner
        self.slides = settings["mode"] == "slide"
        self.window = (int(settings["window"][0]), int(settings["window"][1]))
        self.stride = float(settings["stride"])
        self.scales = [float(scale) for scale in settings["scales"]]
        self.flips = bool(settings["flip"])

    @torch.inference_mode()
    def __call__(self, images: Tensor, size: tuple[int, int] | None = None) -> Segmentation:
        """Segments ``images``; the probabilities come at ``size`` pixels, that of the images by default.

        Probabilities, not logits, are averaged over windows, scales and mirrored images.
        """
        size = size or (images.shape[-2], images.shape[-1])
        total: Tensor | None = None
        importance, masks = None, []
        for scale in self.scales:
            scaled = images if scale == 1.0 else _resize(images, scale)
            for mirrored in (False, True) if self.flips else (False,):
                seen = scaled.flip(-1) if mirrored else scaled
                if self.slides:
                    found = self._slide(seen)
                else:
                    output = self.runner.run(self.runner.model.segment, seen)
                    found = output.logits.float().softmax(1)
                    if scale == 1.0 and not mirrored:
                        importance, masks = output.importance_logit, list(output.masks)
                found = found.flip(-1) if mirrored else found
                if found.shape[-2:] != size:
                    found = F.interpolate(found, size=list(size), mode="bilinear", align_corners=False)
                total = found if total is None else total + found
        assert total is not None
        return Segmentation(total / (len(self.scales) * (2 if self.flips else 1)), importance, masks)

    def _slide(self, images: Tensor) -> Tensor:
        """Means of the windows' probabilities, each pixel's over the windows that hold it."""
        height, width = images.shape[-2:]
        total: Tensor | None = None
        count = torch.zeros(height, width, device=self.runner.device)
        for rows, columns in windows((height, width), self.window, self.stride):
            found = (
                self.runner.run(self.runner.model.segment, images[..., rows, columns])
                .logits.float()
                .softmax(1)
            )
            if total is None:
                total = found.new_zeros(len(images), found.shape[1], height, width)
            total[..., rows, columns] += found
            count[rows, columns] += 1
        assert total is not None
        return total / count


def windows(size: tuple[int, int], window: tuple[int, int], stride: float) -> Iterator[tuple[slice, slice]]:
    """Windows that cover ``size`` pixels, ``stride`` of a window apart at most; a smaller picture is one window.

    >>> [(r.start, r.stop) for r, _ in windows((10, 4), (4, 4), 0.75)]
    [(0, 4), (3, 7), (6, 10)]
    """
    for top in _starts(size[0], window[0], stride):
        for left in _starts(size[1], window[1], stride):
            yield (
                slice(top, min(size[0], top + window[0])),
                slice(left, min(size[1], left + window[1])),
            )


def _starts(length: int, window: int, stride: float) -> list[int]:
    last = max(0, length - window)
    step = max(1, round(stride * window))
    count = -(-last // step) + 1
    # evenly spread, so that no window lies closer to its neighbour than others do
    return [round(i * last / (count - 1)) if count > 1 else 0 for i in range(count)]


def _resize(images: Tensor, scale: float) -> Tensor:
    size = [max(1, round(side * scale)) for side in images.shape[-2:]]
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=scale < 1)
