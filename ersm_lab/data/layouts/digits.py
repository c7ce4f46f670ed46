"""scikit-learn's handwritten digits as an image folder; written when it is first read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ersm_lab.core.errors import UserError
from ersm_lab.data.generate import generate_once, write_picture
from ersm_lab.data.layouts import imagefolder
from ersm_lab.data.splits import ImageData, stratified_order


def read(root: Path, size: int = 16, test_fraction: float = 0.3, seed: int = 0) -> ImageData:
    """1,797 digits of 8x8, enlarged to ``size``; the test split is a stratified share."""
    if size < 8 or not 0 < test_fraction < 1:
        raise UserError(
            f"digits need a size of 8 or more and 0 < test_fraction < 1, not {size} and {test_fraction}"
        )
    options = {"size": size, "test_fraction": test_fraction, "seed": seed}
    generate_once(root, "digits", options, lambda folder: _write(folder, size, test_fraction, seed))
    return imagefolder.read(root)


def _write(folder: Path, size: int, test_fraction: float, seed: int) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = stratified_order(digits.target, seed)
    cut = len(order) - round(test_fraction * len(order))
    for place, index in enumerate(order):
        small = Image.fromarray(np.rint(digits.images[index] * (255 / 16)).astype(np.uint8))
        picture = np.asarray(small.resize((size, size), Image.Resampling.BICUBIC).convert("RGB"))
        split = "train" if place < cut else "test"
        write_picture(folder / split / str(digits.target[index]) / f"{index:04d}.png", picture)
