"""The packed cache of a split with labels per pixel: raw pixels and trainIds in one memory-mapped file each.

A crop is then a slice: only its rows are read, and nothing is decoded.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.data.content import source_content
from ersm_lab.data.scenes import SceneSplit
from ersm_lab.files.atomic import make_folder

_VERSION = 1


@dataclass(frozen=True)
class PackedSplit(SceneSplit):
    """A ``SceneSplit`` whose scenes come from the cache; everything else still from its files.

    ``pixels`` and ``classes``: flat uint8 memory maps; ``places``: offset in pixels, height and width of each picture.
    """

    pixels: NDArray[np.uint8] | None = None
    classes: NDArray[np.uint8] | None = None
    places: tuple[tuple[int, int, int], ...] = ()

    def scene(self, i: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """As of ``SceneSplit``; the arrays are views into the files: what is not sliced is not read."""
        assert self.pixels is not None
        assert self.classes is not None
        start, height, width = self.places[i]
        end = start + height * width
        return self.pixels[3 * start : 3 * end].reshape(height, width, 3), self.classes[start:end].reshape(
            height, width
        )


def pack_folder(folder: Path, layout: str, root: Path, options: Mapping[str, Any]) -> Path:
    """Where the cache of a data set lies below ``folder``: another content has another place."""
    content = source_content(layout, root, options)
    identity = json.dumps([_VERSION, layout, content, dict(options)], sort_keys=True, default=str)
    return folder / f"{layout}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def packed(split: SceneSplit, place: Path) -> PackedSplit:
    """The split from its cache in ``place``, which is written first where it is missing: whole or not at all.

    Raises ``UserError``: a file that cannot be read, labels outside the table, a disk without room.
    """
    make_folder(place, lambda folder: _write(split, folder), "set paths.cache to another disk")
    index = json.loads((place / "index.json").read_text())
    if index["names"] != list(split.names):
        raise UserError(f"{place} holds other pictures than the data set; remove it, and it is written anew")
    return PackedSplit(
        **{field.name: getattr(split, field.name) for field in fields(split) if field.name in _OWN},
        pixels=np.memmap(place / "pixels.bin", np.uint8, "r"),
        classes=np.memmap(place / "classes.bin", np.uint8, "r"),
        places=tuple((int(a), int(b), int(c)) for a, b, c in index["places"]),
    )


_OWN = {field.name for field in fields(SceneSplit)}


def _write(split: SceneSplit, folder: Path) -> None:
    sizes = [_size(path) for path in split.images]
    needed = sum(4 * height * width for height, width in sizes)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"the packed cache needs {needed / 2**30:.1f} GiB in {folder.parent}, which has {free / 2**30:.1f} GiB left; set paths.cache "
            "to another disk, or data.pack.enabled=false"
        )
    places, start = [], 0
    with (folder / "pixels.bin").open("wb") as pixels, (folder / "classes.bin").open("wb") as classes:
        for i, (height, width) in enumerate(sizes):
            image, label = split.scene(i)
            pixels.write(np.ascontiguousarray(image).data)
            classes.write(np.ascontiguousarray(label).data)
            places.append((start, height, width))
            start += height * width
    (folder / "index.json").write_text(json.dumps({"names": list(split.names), "places": places}))


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except OSError as error:
        raise UserError(f"{path} cannot be read as an image; replace it") from error
