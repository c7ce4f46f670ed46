"""What ``ersm-lab slem`` writes: maps, points and overlays per picture; one table and one figure for all.

Of a picture ``a``: ``a_map.png`` (16 bits, in the picture's pixels, with a black margin where no window fits), ``a.npz``, ``a_points.csv``,
``a_overlay.png`` (the map over the picture) and ``a_points.png``. With several epochs, maps and overlays carry ``_e1``, ``_e2``, ...
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ersm_lab.files.atomic import replacing, write_with
from ersm_lab.papers.slem.checks import Array
from ersm_lab.papers.slem.drawing import (
    MAP_COLOURS,
    POINT_COLOUR,
    brightest,
    draw_map,
    draw_picture,
    draw_points,
    picture_rows,
)
from ersm_lab.papers.slem.maps import SLEMResult
from ersm_lab.vision.figures import figure_style

WHITE = 65535
SHOWN = 6  # pictures of the summary figure


class Row(TypedDict, total=False):
    """A row of ``summary.csv``; a picture that failed has a name and a problem alone."""

    picture: str
    rows: int
    columns: int
    seconds: float
    points: int
    entropy: float
    error: float
    map_black: float
    map_white: float
    problem: str


@dataclass(frozen=True)
class Done:
    """A picture that was learnt: ``grey (H, W)`` in [0, 1] as it was learnt, ``pixels`` as stored; points of each epoch."""

    name: str
    pixels: Array
    grey: Array
    result: SLEMResult
    points: list[Array]
    window_size: int
    seconds: float


def write_picture(done: Done, out: Path) -> Row:
    """Writes all files of one picture below ``out``; its row of the summary."""
    target = out / done.name
    target.parent.mkdir(parents=True, exist_ok=True)
    result = done.result
    with replacing(_named(target, ".npz")) as temporary:
        np.savez_compressed(
            temporary,
            entropy=result.entropy,
            activity=result.activity,
            error=result.error,
            window_size=done.window_size,
        )
    whites = []
    for epoch, (entropy, points) in enumerate(zip(result.entropy, done.points, strict=True), 1):
        mark = f"_e{epoch}" if len(result.entropy) > 1 else ""
        whites.append(write_map(entropy, done.window_size, _named(target, f"_map{mark}.png")))
        overlay, dots = (_named(target, f"_{kind}{mark}.png") for kind in ("overlay", "points"))
        _write_overlays(done, entropy, points, overlay, dots)
    _write_points(done, _named(target, "_points.csv"))
    rows, columns = done.grey.shape
    return Row(
        picture=done.name,
        rows=rows,
        columns=columns,
        seconds=round(done.seconds, 4),
        points=len(done.points[-1]),
        entropy=float(result.entropy[-1].mean()),
        error=float(np.square(result.error[-1].astype(float)).mean()),
        map_black=whites[-1][0],
        map_white=whites[-1][1],
        problem="",
    )


def _write_points(done: Done, path: Path) -> None:
    """Points of all epochs, the strongest first, in the picture's pixels."""
    half = done.window_size // 2
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["epoch", "rank", "row", "column", "entropy"])
        for epoch, points in enumerate(done.points):
            for rank, (row, column) in enumerate(points.tolist(), 1):
                value = done.result.entropy[epoch, row - half, column - half]
                lines.writerow([epoch + 1, rank, row, column, f"{value:.8g}"])


def write_summary(rows: Sequence[Row], shown: Sequence[Done], out: Path) -> None:
    """``summary.csv``, a row per picture, failed ones with their problem; ``summary.png`` of those in ``shown``."""
    with replacing(out / "summary.csv") as temporary, temporary.open("w", newline="") as file:
        lines = csv.DictWriter(file, list(Row.__annotations__))
        lines.writeheader()
        lines.writerows(rows)
    if not shown:
        return
    titles = ("picture", "|prediction error|", "Learning Entropy", "points")
    with figure_style():
        figure, axes = picture_rows(shown, titles)
        for line, done in zip(axes, shown, strict=True):
            draw_picture(line[0], done)
            draw_map(line[1], np.abs(done.result.error[-1]), done.window_size)
            draw_map(line[2], done.result.entropy[-1], done.window_size)
            draw_picture(line[3], done)
            draw_points(line[3], done.points[-1])
            line[0].set_ylabel(done.name, fontsize=6)
            line[3].set_xlabel(f"{len(done.points[-1])} points", fontsize=6)
        write_with(out / "summary.png", partial(figure.savefig, dpi=200))
        plt.close(figure)


def _named(target: Path, ending: str) -> Path:
    return target.with_name(target.name + ending)


def write_map(entropy: Array, window_size: int, path: Path) -> tuple[float, float]:
    """A map ``(h, w)`` as 16-bit PNG in its picture's pixels, black in the margin; the values that black and white stand for.

    The file's own text says so too.
    """
    low, high = min(0.0, float(entropy.min())), float(entropy.max())
    scale = WHITE / (high - low) if high > low else 0.0
    inner = np.rint((entropy.astype(np.float64) - low) * scale).astype(np.uint16)
    note = PngInfo()
    note.add_text("Learning Entropy", f"0 is {low:g}, {WHITE} is {high:g}; margin {window_size // 2}")
    image = Image.fromarray(np.pad(inner, window_size // 2))
    write_with(path, partial(image.save, pnginfo=note))
    return low, high


def _write_overlays(done: Done, entropy: Array, points: Array, over: Path, dots: Path) -> None:
    """The map over the grey picture, and the points on it, pixel by pixel in the picture's size."""
    grey = np.repeat(done.grey[..., None], 3, 2)
    share = np.pad(np.clip(entropy / brightest(entropy), 0, 1), done.window_size // 2)[..., None]
    colours = colormaps[MAP_COLOURS](share[..., 0])[..., :3]
    _save(grey * (1 - share) * 0.7 + colours * share, over)
    colour = np.array([int(POINT_COLOUR[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    marked = grey.copy()
    # a small cross: windows keep it off the border
    for down, right in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)):
        marked[points[:, 0] + down, points[:, 1] + right] = colour
    _save(marked, dots)


def _save(values: Array, path: Path) -> None:
    write_with(path, Image.fromarray(np.rint(values * 255).astype(np.uint8)).save)
