"""Pictures without labels, below a folder: one's own, scikit-image's bundled photographs, or generated structures."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ersm_lab.core.errors import UserError
from ersm_lab.data.generate import generate_once, write_picture
from ersm_lab.data.pictures import names_of, picture_files
from ersm_lab.data.structures import KINDS, structure

# bundled with scikit-image: none of these is downloaded
PHOTOGRAPHS = (
    "astronaut", "brick", "camera", "cell", "chelsea", "clock", "coffee", "coins", "grass", "gravel",
    "hubble_deep_field", "immunohistochemistry", "microaneurysms", "moon", "page", "retina", "rocket", "text",
)  # fmt: skip
LAYOUTS = ("folder", "photographs", "structures")


def list_pictures(layout: str, root: Path, options: Mapping[str, Any]) -> list[tuple[str, Path]]:
    """Name and file of every picture, sorted by name; generated sets are written when they are first read.

    Raises ``UserError`` for unknown options, and for a folder that is missing or without pictures.
    """
    make = {"photographs": _photographs, "structures": _structures}.get(layout)
    if make is None:
        if options:
            raise UserError(f"unknown key 'data.options.{next(iter(options))}'; the layout folder takes none")
    else:
        known = {p.name: p.default for p in list(inspect.signature(make).parameters.values())[1:]}
        for key, value in options.items():
            if key not in known:
                raise UserError(f"unknown key 'data.options.{key}'; there are: {', '.join(known)}")
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not 0 <= value < float("inf")
            ):
                raise UserError(f"'data.options.{key}' is {value!r}, but must be a number of at least 0")
            if isinstance(known[key], int) and value != int(value):
                raise UserError(f"'data.options.{key}' is {value!r}, but must be a whole number")
        if {**known, **options}["size"] < 32:
            raise UserError("'data.options.size' must be at least 32")
        make(root, **options)
    files = picture_files(root)
    return sorted(zip(names_of(files, root), files, strict=True))


def truth_of(root: Path, name: str) -> dict[str, Any] | None:
    """The known ``edges`` (H, W) and ``corners`` (P, 2) of a generated structure; None for other pictures."""
    file = root / f"{name}.npz"
    if not file.is_file():
        return None
    with np.load(file) as held:
        return {key: held[key] for key in ("edges", "corners")}


def _photographs(root: Path, size: int = 512) -> None:
    """As 8-bit PNG, those with a longer side than ``size`` made smaller."""
    generate_once(root, "photographs", {"size": size}, lambda folder: _write_photographs(folder, size))


def _write_photographs(folder: Path, size: int) -> None:
    from skimage import data, transform

    for name in PHOTOGRAPHS:
        pixels = np.asarray(getattr(data, name)())
        longer = max(pixels.shape[:2])
        if longer > size:
            shape = tuple(max(1, round(side * size / longer)) for side in pixels.shape[:2])
            small = transform.resize(pixels, shape + pixels.shape[2:], order=1, anti_aliasing=True)
            pixels = np.rint(small * 255).astype(np.uint8)
        write_picture(folder / f"{name}.png", pixels)


def _structures(root: Path, size: int = 128, count: int = 4, noise: float = 0.02, seed: int = 0) -> None:
    """``count`` pictures of each kind, each with its truth beside it."""
    if count < 1:
        raise UserError("'data.options.count' must be at least 1")
    options = {"size": size, "count": count, "noise": noise, "seed": seed}

    def write(folder: Path) -> None:
        for kind in KINDS:
            for index in range(int(count)):
                made = structure(kind, index, int(size), noise, int(seed))
                target = folder / kind / f"{index:02d}.png"
                write_picture(target, np.rint(made.pixels * 255).astype(np.uint8))
                np.savez_compressed(target.with_suffix(".npz"), edges=made.edges, corners=made.corners)

    generate_once(root, "structures", options, write)
