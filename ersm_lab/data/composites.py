"""Composing: an object at a uniformly random place on a canvas of shuffled pieces of other pictures.

The object wraps round the canvas, so that every pixel, and every token, is covered equally often: what a position prior
can know of the object's place is nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.data.generate import write_picture
from ersm_lab.data.splits import ImageData, Split


def write_composites(
    folder: Path, source: ImageData, counts: dict[str, int], *, canvas: int, tile: int, patch: int, seed: int
) -> None:
    """Writes ``<split>/<class>/<n>.png``, masks beside them in ``masks/``, ``boxes.csv`` and ``sources.csv``.

    ``boxes.csv`` has the object's place and source, and in ``pieces`` the number in ``sources.csv`` (per split) of the
    picture that each piece of the canvas is from, in raster order; pieces under the object are not seen.

    Parameters
    ----------
    folder: an empty folder.
    source: pictures of each split; object and pieces of a composite come from its own split.
    counts: images per split, classes in turn.
    canvas, tile, patch: pixels; ``1 <= patch <= tile <= canvas``, and ``patch`` divides ``canvas``.
    seed: of everything random.

    Raises ``UserError`` when a class would get no image in a split, or the source has none for it.
    """
    if few := next((name for name, count in counts.items() if count < len(source.classes)), None):
        raise UserError(
            f"'data.options.{few}' is {counts[few]}, but the source has {len(source.classes)} classes: each needs an image"
        )
    with (
        (folder / "boxes.csv").open("w", newline="") as boxes,
        (folder / "sources.csv").open("w", newline="") as sources,
    ):
        write_box, names = csv.writer(boxes).writerow, csv.writer(sources)
        write_box(["split", "image", "source", "row", "column", "height", "width", "pieces"])
        names.writerow(["split", "number", "source"])
        for number, (name, count) in enumerate(counts.items()):
            rng = np.random.default_rng([seed, number])
            split: Split = getattr(source, name)
            names.writerows((name, place, split.name(place)) for place in range(len(split)))
            _write_split(folder, name, split, source.classes, count, rng, write_box, (canvas, tile, patch))


def compose(
    tiles: np.ndarray, chosen: int, others: np.ndarray, canvas: int, patch: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, tuple[int, int], np.ndarray]:
    """One composite.

    Parameters
    ----------
    tiles: ``(n, t, t, 3)`` uint8; ``chosen`` is the object, ``others`` the indices whose pieces may be used.

    Returns
    -------
    picture ``(canvas, canvas, 3)``, mask ``(canvas, canvas)`` boolean, the object's first row and column (it wraps), and
    the index of the tile that each piece is from, in raster order ``((canvas / patch)^2,)``.
    """
    side, per_row = tiles.shape[1], canvas // patch
    number = per_row * per_row
    which = rng.choice(others, number)
    top, left = rng.integers(0, side - patch + 1, (2, number))
    span = np.arange(patch)
    pieces = tiles[
        which[:, None, None], (top[:, None] + span)[:, :, None], (left[:, None] + span)[:, None, :]
    ]
    picture = (
        pieces.reshape(per_row, per_row, patch, patch, 3).swapaxes(1, 2).reshape(canvas, canvas, 3).copy()
    )
    mask = np.zeros((canvas, canvas), dtype=bool)
    row, column = (int(v) for v in rng.integers(0, canvas, 2))
    rows, columns = (row + np.arange(side)) % canvas, (column + np.arange(side)) % canvas
    picture[rows[:, None], columns] = tiles[chosen]
    mask[rows[:, None], columns] = True
    return picture, mask, (row, column), which


def _tile(picture: Image.Image, side: int) -> np.ndarray:
    if picture.size != (side, side):
        picture = picture.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(picture)


def _write_split(
    folder: Path,
    name: str,
    split: Split,
    classes: list[str],
    count: int,
    rng: np.random.Generator,
    write_box: Callable[[Iterable[object]], object],
    sizes: tuple[int, int, int],
) -> None:
    canvas, tile, patch = sizes
    tiles = np.stack([_tile(split.image(i), tile) for i in range(len(split))])
    members = [np.flatnonzero(split.labels == label) for label in range(len(classes))]
    if empty := [classes[label] for label, own in enumerate(members) if not len(own)]:
        raise UserError(
            f"the source's {name} split has no picture of {empty[0]}; take more of it (val_fraction, train_range)"
        )
    for index in range(count):
        label = index % len(classes)
        chosen = int(rng.choice(members[label]))
        others = np.delete(np.arange(len(tiles)), chosen)
        picture, mask, (row, column), which = compose(tiles, chosen, others, canvas, patch, rng)
        relative = Path(name) / classes[label] / f"{index:06d}.png"
        write_picture(folder / relative, picture)
        write_picture(folder / "masks" / relative, mask.astype(np.uint8) * 255)
        pieces = " ".join(str(number) for number in which)
        write_box([name, relative.as_posix(), split.name(chosen), row, column, tile, tile, pieces])
