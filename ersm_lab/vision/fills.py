"""What takes the place of covered pixels. Images ``(B, 3, H, W)`` are normalised: zero is the data set's mean colour."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ersm_lab.vision.names import FILLS


def fill_images(
    images: Tensor,
    fill: str,
    seed: int,
    index: Tensor,
    mean: Sequence[float] = (0.485, 0.456, 0.406),
    std: Sequence[float] = (0.229, 0.224, 0.225),
    others: Tensor | None = None,
) -> Tensor:
    """Pictures to cover with, of the images' shape.

    ``mean``: zeros. ``black``: what black is after normalisation with ``mean`` and ``std``. ``noise``: standard normal, seeded by
    (seed, index) so that batches do not matter. ``blur``: Gaussian, sigma a tenth of the smaller side. ``image``: ``others``.
    Raises ValueError for an unknown fill, or ``image`` without ``others``.
    """
    if fill == "mean":
        return torch.zeros_like(images)
    if fill == "black":
        colour = [-m / s for m, s in zip(mean, std, strict=True)]
        return images.new_tensor(colour)[None, :, None, None].expand_as(images)
    if fill == "noise":
        drawn = [
            torch.randn(
                images.shape[1:], generator=torch.Generator().manual_seed(seed * 1_000_003 + int(place))
            )
            for place in index.tolist()
        ]
        return torch.stack(drawn).to(images)
    if fill == "blur":
        sigma = min(images.shape[2:]) / 10
        size = 2 * round(2 * sigma) + 1
        size = min(size, 2 * ((min(images.shape[2:]) - 1) // 2) + 1)
        blurred: Tensor = TF.gaussian_blur(images, [size, size], [sigma, sigma])
        return blurred
    if fill == "image" and others is not None:
        return others
    raise ValueError(
        "fill 'image' needs other images"
        if fill == "image"
        else f"fill is {fill!r}, but must be one of {', '.join(FILLS)}"
    )


def partner(index: int, count: int, seed: int) -> int:
    """Another picture of a set of ``count``, never the same one; depends on (seed, index) alone."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + index + 7)
    return (index + 1 + int(torch.randint(max(1, count - 1), (), generator=generator))) % count
