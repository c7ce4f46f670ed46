"""Pictures to tensors with torchvision v2; masks take part in everything geometric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from ersm_lab.core.errors import UserError
from ersm_lab.data.schema import OcclusionAugmentConfig, TransformConfig
from ersm_lab.vision.fills import fill_images
from ersm_lab.vision.occluders import draw


class ImageTransform:
    """The ``data.transform`` group as a callable.

    Parameters
    ----------
    settings: the group as typed settings, or a plain mapping of it.
    train: with augmentation.
    """

    def __init__(self, settings: TransformConfig | Mapping[str, Any], train: bool) -> None:
        settings = TransformConfig.of(settings)
        size, scale, resize = settings.size, settings.train_scale, settings.eval_resize
        self.size, self.exact = size, False
        steps: list[torch.nn.Module] = []
        if train and scale is not None:
            steps.append(
                v2.RandomResizedCrop(
                    size, scale=tuple(scale), interpolation=InterpolationMode.BICUBIC, antialias=True
                )
            )
        elif resize is not None:
            steps.append(
                v2.Resize(round(size * resize), interpolation=InterpolationMode.BICUBIC, antialias=True)
            )
            steps.append(v2.CenterCrop(size))
        else:
            self.exact = True
        if train and settings.hflip:
            steps.append(v2.RandomHorizontalFlip())
        steps.append(v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True))
        steps.append(v2.Normalize(list(settings.mean), list(settings.std)))
        if train and settings.occlusion.enabled:
            steps.append(RandomOcclusion(settings.occlusion, settings.mean, settings.std))
        self.steps = v2.Compose(steps)

    def __call__(
        self, picture: Image.Image, mask: np.ndarray | None, name: str
    ) -> tuple[Tensor, Tensor | None]:
        """``(3, size, size)`` float32 and, when there is a mask, ``(size, size)`` bool."""
        if self.exact and picture.size != (self.size, self.size):
            raise UserError(
                f"{name} has {picture.size[0]}x{picture.size[1]} pixels, but data.transform.size is {self.size} and "
                "eval_resize is null (pictures are taken as they are); set data.transform.eval_resize=1"
            )
        image = tv_tensors.Image(torch.from_numpy(np.array(picture)).permute(2, 0, 1))
        if mask is None:
            return self.steps(image).as_subclass(Tensor), None
        if mask.shape != image.shape[1:]:
            raise UserError(
                f"the mask of {name} has {mask.shape[1]}x{mask.shape[0]} pixels, the picture {picture.size[0]}x{picture.size[1]}"
            )
        image, moved = self.steps(image, tv_tensors.Mask(torch.from_numpy(mask.astype(np.uint8))))
        return image.as_subclass(Tensor), moved.as_subclass(Tensor) > 0


class RandomOcclusion(torch.nn.Module):
    """Covers a part of a normalised picture with one of the occluders of ``vision.occluders``; masks stay as they are.

    Parameters
    ----------
    settings: the ``data.transform.occlusion`` group. The share of the picture is drawn evenly from its ``area``.
    mean, std: of the normalisation.

    Everything is drawn from torch's generator, which the data set seeds per (seed, epoch, index).
    """

    def __init__(self, settings: OcclusionAugmentConfig, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.settings, self.mean, self.std = settings, list(mean), list(std)

    def forward(self, image: Tensor, *rest: Tensor) -> Tensor | tuple[Tensor, ...]:
        """``image (3, H, W)``, and whatever comes with it, unchanged."""
        chance, share = torch.rand(2).tolist()
        shapes = self.settings.shapes
        choice, seed = int(torch.randint(len(shapes), ())), int(torch.randint(2**31, ()))
        if chance < self.settings.p:
            low, high = self.settings.area
            size = (image.shape[1], image.shape[2])
            covered = torch.from_numpy(draw(shapes[choice], low + share * (high - low), size, seed, 0))
            plain = image.as_subclass(Tensor)
            fill = fill_images(plain[None], self.settings.fill, seed, torch.zeros(1), self.mean, self.std)[0]
            image = tv_tensors.wrap(torch.where(covered, fill, plain), like=image)
        return (image, *rest) if rest else image
