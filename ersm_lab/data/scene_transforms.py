"""Pictures and label maps to tensors: random scale, crop, flip and colours in training, whole pictures in validation.

A training crop is read at the size that its scale asks for and then resized: only what is seen is read and computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as TF

from ersm_lab.core.errors import UserError
from ersm_lab.data.schema import JitterConfig, SceneTransformConfig
from ersm_lab.vision.labels import IGNORE


class Window(NamedTuple):
    """A part of a picture in its own pixels, and the ``(height, width)`` that it is resized to."""

    top: int
    left: int
    height: int
    width: int
    size: tuple[int, int]


class SceneTransform:
    """The ``data.transform`` group of segmentation as a callable on arrays.

    Parameters
    ----------
    settings: the group as typed settings, or a plain mapping of it.
    train: with augmentation; without, pictures stay whole, resized when ``resize`` says so.
    rare_ids: trainIds that rare-class-aware cropping looks for.

    Everything random is drawn from torch's generator, which the data set seeds per (seed, epoch, index).
    """

    def __init__(
        self,
        settings: SceneTransformConfig | Mapping[str, Any],
        train: bool,
        rare_ids: Sequence[int] = (),
    ) -> None:
        settings = SceneTransformConfig.of(settings)
        self.train = train
        self.crop = (settings.crop[0], settings.crop[1])
        self.resize = (settings.resize[0], settings.resize[1]) if settings.resize else None
        self.scale, self.hflip = settings.scale, settings.hflip
        self.rare_ids = list(rare_ids) if settings.rare.enabled else []
        self.rare_p = settings.rare.p
        self.jitter = _jitter(settings.jitter)
        self.mean, self.std = list(settings.mean), list(settings.std)

    def __call__(self, image: NDArray[np.uint8], label: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """``image (H, W, 3)`` and ``label (H, W)`` trainIds -> ``(3, h, w)`` float32, normalised, and ``(h, w)`` int64.

        In training ``(h, w)`` is the crop: a picture that is smaller is set into it at random, on grey that the label
        ignores.
        """
        if not self.train:
            height, width = label.shape
            return self._finish(*_resized(image, label, self.resize or (height, width)))
        window = self.window(label)
        rows = slice(window.top, window.top + window.height)
        columns = slice(window.left, window.left + window.width)
        pixels, classes = _resized(image[rows, columns], label[rows, columns], window.size)
        if self.hflip and torch.rand(()) < 0.5:
            pixels, classes = pixels.flip(-1), classes.flip(-1)
        if self.jitter is not None:
            pixels = self.jitter(pixels)
        return self._placed(*self._finish(pixels, classes))

    def window(self, label: NDArray[np.uint8]) -> Window:
        """The window of a training crop, drawn at random; over a pixel of a rare class when cropping is aware of them."""
        height, width = label.shape
        base = self.resize or (height, width)
        scale = self.scale[0] + float(torch.rand(())) * (self.scale[1] - self.scale[0])
        factors = (scale * base[0] / height, scale * base[1] / width)
        spans = [
            min(n, max(1, round(c / f))) for n, c, f in zip((height, width), self.crop, factors, strict=True)
        ]
        # a picture smaller than the crop keeps its scale; one larger fills the crop exactly
        size = [min(c, max(1, round(s * f))) for c, s, f in zip(self.crop, spans, factors, strict=True)]
        slack = (height - spans[0], width - spans[1])
        centre = self._rare_pixel(label)
        places = []
        for i in range(2):
            chance = float(torch.rand(()))
            if centre is None:
                places.append(int(chance * (slack[i] + 1)))
            else:  # anywhere, so long as the pixel is inside
                low = max(0, centre[i] - spans[i] + 1)
                high = min(slack[i], centre[i])
                places.append(low + int(chance * (high - low + 1)))
        return Window(places[0], places[1], spans[0], spans[1], (size[0], size[1]))

    def _rare_pixel(self, label: NDArray[np.uint8]) -> tuple[int, int] | None:
        if not self.rare_ids or float(torch.rand(())) >= self.rare_p:
            return None
        here = [
            i
            for i, count in enumerate(np.bincount(label.ravel(), minlength=256))
            if count and i in self.rare_ids
        ]
        if not here:
            return None
        # the class first: a bus in the picture does not outvote a traffic light
        chosen = here[int(torch.randint(len(here), ()))]
        rows, columns = np.nonzero(label == chosen)
        place = int(torch.randint(len(rows), ()))
        return int(rows[place]), int(columns[place])

    def _finish(self, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        # one pass from bytes to numbers: these are the largest arrays that a crop makes
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.std))
        return torch.addcmul(-mean / std, image, 1 / (255 * std)), label.long()

    def _placed(self, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        height, width = label.shape
        if (height, width) == self.crop:
            return image, label
        top = int(torch.randint(self.crop[0] - height + 1, ()))
        left = int(torch.randint(self.crop[1] - width + 1, ()))
        pixels = image.new_zeros(3, *self.crop)  # the mean colour, after the normalisation
        classes = label.new_full(self.crop, IGNORE)
        pixels[:, top : top + height, left : left + width] = image
        classes[top : top + height, left : left + width] = label
        return pixels, classes


def _jitter(settings: JitterConfig) -> v2.ColorJitter | None:
    if not settings.enabled:
        return None
    return v2.ColorJitter(settings.brightness, settings.contrast, settings.saturation, settings.hue)


def rare_ids(names: Sequence[str], wanted: Sequence[str] | None, default: Sequence[str]) -> list[int]:
    """TrainIds of ``wanted`` classes, or of ``default``; an unknown name is a ``UserError``."""
    chosen = default if wanted is None else wanted
    if unknown := [name for name in chosen if name not in names]:
        raise UserError(
            f"'data.transform.rare.classes' holds {unknown[0]!r}; the classes are {', '.join(names)}"
        )
    return [list(names).index(name) for name in chosen]


def _resized(
    image: NDArray[np.uint8], label: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    classes = torch.from_numpy(np.array(label))
    if classes.shape != size:
        pixels = TF.resize(pixels, list(size), InterpolationMode.BILINEAR, antialias=True)
        classes = TF.resize(classes[None], list(size), InterpolationMode.NEAREST_EXACT)[0]
    return pixels, classes
