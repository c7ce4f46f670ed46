"""Pictures without labels: the files of a folder, the planes of a file, and what is known of a generated one (no torch)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypedDict

import numpy as np
from numpy.typing import NDArray

from ersm_lab.core.errors import UserError
from ersm_lab.files.images import SUFFIXES
from ersm_lab.files.pixels import Pixels, check_numbers, read_pages


@dataclass(frozen=True)
class Picture:
    """One plane to learn: ``pixels`` (H, W) or (H, W, 3), uint8, uint16 or float in [0, 1]."""

    name: str
    pixels: Pixels


class Truth(TypedDict):
    """What is known of a generated picture: ``edges`` (H, W) bool, and ``corners`` (P, 2), rows and columns."""

    edges: NDArray[np.bool_]
    corners: NDArray[np.float64]


@dataclass(frozen=True)
class PictureData:
    """A data set of pictures without labels: ``files`` by name, sorted, below ``root``."""

    has: ClassVar[str] = "no labels"
    root: Path
    files: Mapping[str, Path]

    def truth(self, name: str) -> Truth | None:
        """What is known of a picture, from a file beside it; None where nothing is."""
        file = self.root / f"{name}.npz"
        if not file.is_file():
            return None
        with np.load(file) as held:
            return {"edges": held["edges"], "corners": held["corners"]}


def pictures_below(root: Path) -> PictureData:
    """Every picture file below ``root``. Raises ``UserError`` when there is no folder or no picture in it."""
    files = picture_files(root)
    return PictureData(root, dict(sorted(zip(names_of(files, root), files, strict=True))))


def picture_files(root: Path) -> list[Path]:
    """Every picture file below ``root`` by its ending, sorted; hidden ones are passed over.

    Raises ``UserError`` when there is no folder or no picture in it.
    """
    if not root.is_dir():
        raise UserError(f"no folder {root}: put pictures there, or name another folder or file")
    found = sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )
    if not found:
        raise UserError(f"{root} holds no picture ({', '.join(sorted(SUFFIXES))})")
    return found


def names_of(files: Sequence[Path], root: Path) -> list[str]:
    """A name per file, relative to ``root`` and without the ending, unless two would share it."""
    short = [path.relative_to(root).with_suffix("").as_posix() for path in files]
    return [
        path.relative_to(root).as_posix() if short.count(name) > 1 else name
        for path, name in zip(files, short, strict=True)
    ]


def read_pictures(path: Path, name: str | None = None, channels: str = "luminance") -> list[Picture]:
    """The planes of a file: one, or one per page of a TIFF stack, and with channels ``each`` one per colour.

    Pages are named ``<name>_p000``, colours ``<name>_red`` and so on. Raises ``UserError`` that names the file when it is missing,
    damaged, of another type of number, or holds NaN, infinite pixels, or floats outside of [0, 1].
    """
    name = path.stem if name is None else name
    pages = read_pages(path)
    digits = max(3, len(str(len(pages) - 1)))
    found = []
    for page, pixels in enumerate(pages):
        label = name if len(pages) == 1 else f"{name}_p{page:0{digits}d}"
        check_numbers(pixels, str(path) if label == path.stem else f"{path} ({label})")
        if channels == "each" and pixels.ndim == 3:
            colours = zip(("red", "green", "blue"), np.moveaxis(pixels, 2, 0), strict=True)
            found += [Picture(f"{label}_{colour}", np.ascontiguousarray(plane)) for colour, plane in colours]
        else:
            found.append(Picture(label, pixels))
    return found


def scaled(pixels: Pixels) -> Pixels:
    """``pixels`` as float32 in [0, 1]."""
    white = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    return (pixels / white).astype(np.float32)
