"""Pictures to tensors with torchvision v2; masks take part in everything geometric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from ersm_lab.errors import UserError


class ImageTransform:
    """The ``data.transform`` group as a callable.

    Parameters
    ----------
    settings: ``size``, ``train_scale``, ``hflip``, ``eval_resize``, ``mean``, ``std``.
    train: with augmentation.
    """

    def __init__(self, settings: Mapping[str, Any], train: bool) -> None:
        size, scale, resize = int(settings["size"]), settings["train_scale"], settings["eval_resize"]
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
        if train and settings["hflip"]:
            steps.append(v2.RandomHorizontalFlip())
        steps.append(v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True))
        steps.append(v2.Normalize(list(settings["mean"]), list(settings["std"])))
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
