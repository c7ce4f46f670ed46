"""How a whole picture is segmented: in one pass, in windows that overlap, at several scales, mirrored.

Shapes: images ``(B, 3, H, W)`` normalised; probabilities ``(B, K, H, W)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ersm_lab.core.protocols import MaskedSegmenterOutput, SegmentationModel
from ersm_lab.evaluation.runner import Runner
from ersm_lab.evaluation.segmenters.settings import InferenceConfig


class Segmented(NamedTuple):
    """What is known of pictures.

    ``probability (B, K, H, W)`` float32; ``importance (B, 1, h, w)`` and ``masks``, each ``(B, 1, h, w)``, of the plain pass over
    the whole picture: None and ``[]`` where there is none.
    """

    probability: Tensor
    importance: Tensor | None
    masks: list[Tensor]


class Segmenter:
    """Segments images as the ``evaluation.inference`` group says.

    Parameters
    ----------
    runner: the model on its device.
    settings: how.
    """

    def __init__(self, runner: Runner[SegmentationModel], settings: InferenceConfig) -> None:
        self.runner, self.settings = runner, settings
        self.slides = settings.mode == "slide"

    @property
    def sees_whole_pictures(self) -> bool:
        """Whether one of the passes is over the whole picture as it is, so that there are an importance and masks of it."""
        return not self.slides and 1.0 in self.settings.scales

    @torch.inference_mode()
    def __call__(self, images: Tensor, size: tuple[int, int] | None = None) -> Segmented:
        """Segments ``images``; the probabilities come at ``size`` pixels, that of the images by default.

        Probabilities, not logits, are averaged over windows, scales and mirrored images.
        """
        size = size or (images.shape[-2], images.shape[-1])
        total: Tensor | None = None
        importance: Tensor | None = None
        masks: list[Tensor] = []
        mirrors = (False, True) if self.settings.flip else (False,)
        for scale in self.settings.scales:
            scaled = images if scale == 1.0 else _resize(images, scale)
            for mirrored in mirrors:
                seen = scaled.flip(-1) if mirrored else scaled
                if self.slides:
                    found = self._slide(seen)
                else:
                    output = self.runner.run(self.runner.model.segment, seen)
                    found = output.logits.float().softmax(1)
                    if scale == 1.0 and not mirrored and isinstance(output, MaskedSegmenterOutput):
                        importance, masks = output.importance_logit, list(output.masks)
                found = _resized(found.flip(-1) if mirrored else found, size)
                total = found if total is None else total + found
        assert total is not None
        return Segmented(total / (len(self.settings.scales) * len(mirrors)), importance, masks)

    def _slide(self, images: Tensor) -> Tensor:
        """Means of the windows' probabilities, each pixel's over the windows that hold it."""
        height, width = images.shape[-2:]
        rows, columns = self.settings.window
        total: Tensor | None = None
        count = torch.zeros(height, width, device=self.runner.device)
        for down, across in windows((height, width), (rows, columns), self.settings.stride):
            found = self.runner.run(self.runner.model.segment, images[..., down, across])
            probability = found.logits.float().softmax(1)
            if total is None:
                total = probability.new_zeros(len(images), probability.shape[1], height, width)
            total[..., down, across] += probability
            count[down, across] += 1
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


def _resized(probability: Tensor, size: tuple[int, int]) -> Tensor:
    if probability.shape[-2:] == size:
        return probability
    return F.interpolate(probability, size=list(size), mode="bilinear", align_corners=False)
