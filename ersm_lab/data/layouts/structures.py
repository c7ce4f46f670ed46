"""Generated geometric structures with their edges and corners, without labels; written when they are first read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ersm_lab.core.errors import UserError
from ersm_lab.data.generate import generate_once, write_picture
from ersm_lab.data.pictures import PictureData, pictures_below
from ersm_lab.data.structures import KINDS, structure


def read(root: Path, size: int = 128, count: int = 4, noise: float = 0.02, seed: int = 0) -> PictureData:
    """``count`` pictures of each kind, each with its truth beside it (``.npz``).

    ``size``: pixels a side. ``noise``: standard deviation, of intensities in [0, 1].
    """
    for name, value, least in (
        ("size", size, 32),
        ("count", count, 1),
        ("noise", noise, 0),
        ("seed", seed, 0),
    ):
        if not least <= value < float("inf"):
            raise UserError(f"'data.options.{name}' is {value}, but must be at least {least}")
    options = {"size": size, "count": count, "noise": noise, "seed": seed}

    def write(folder: Path) -> None:
        for kind in KINDS:
            for index in range(count):
                made = structure(kind, index, size, noise, seed)
                target = folder / kind / f"{index:02d}.png"
                write_picture(target, np.rint(made.pixels * 255).astype(np.uint8))
                np.savez_compressed(target.with_suffix(".npz"), edges=made.edges, corners=made.corners)

    generate_once(root, "structures", options, write)
    return pictures_below(root)
