"""Photographs that scikit-image bundles, without labels; written when they are first read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ersm_lab.core.errors import UserError
from ersm_lab.data.generate import generate_once, write_picture
from ersm_lab.data.pictures import PictureData, pictures_below

# none of these is downloaded
PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "camera",
    "cell",
    "chelsea",
    "clock",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "microaneurysms",
    "moon",
    "page",
    "retina",
    "rocket",
    "text",
)


def read(root: Path, size: int = 512) -> PictureData:
    """As 8-bit PNG, those with a longer side than ``size`` made smaller."""
    if size < 32:
        raise UserError("'data.options.size' must be at least 32")
    generate_once(root, "photographs", {"size": size}, lambda folder: _write(folder, size))
    return pictures_below(root)


def _write(folder: Path, size: int) -> None:
    from skimage import data, transform

    for name in PHOTOGRAPHS:
        pixels = np.asarray(getattr(data, name)())
        longer = max(pixels.shape[:2])
        if longer > size:
            shape = tuple(max(1, round(side * size / longer)) for side in pixels.shape[:2])
            small = transform.resize(pixels, shape + pixels.shape[2:], order=1, anti_aliasing=True)
            pixels = np.rint(small * 255).astype(np.uint8)
        write_picture(folder / f"{name}.png", pixels)
