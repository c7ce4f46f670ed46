"""Pictures, maps and points on matplotlib axes; maps lie where their picture's pixels are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ersm_lab.papers.slem.checks import Array
from ersm_lab.vision.figures import PAGE_INCHES, PALETTE

MAP_COLOURS = "magma"
POINT_COLOUR = PALETTE[5]


class Shown(Protocol):
    """A picture: ``pixels`` as stored, ``(H, W)`` or ``(H, W, 3)``, and ``grey (H, W)`` in [0, 1] as it was learnt."""

    @property
    def pixels(self) -> Array: ...
    @property
    def grey(self) -> Array: ...


def picture_rows(pictures: Sequence[Shown], titles: Sequence[str]) -> tuple[Figure, Array]:
    """A figure of the width of a page: a row of axes per picture, as high as it is, and a column per title."""
    width = PAGE_INCHES / len(titles)
    heights = [width * picture.grey.shape[0] / picture.grey.shape[1] for picture in pictures]
    shape, size = (len(pictures), len(titles)), (PAGE_INCHES, sum(heights) + 0.3)
    ratios = {"height_ratios": heights}
    figure, axes = plt.subplots(*shape, figsize=size, squeeze=False, gridspec_kw=ratios)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=7)
    return figure, axes


def draw_picture(axis: Axes, picture: Shown, faint: bool = False) -> None:
    """Pixels as stored where they are 8-bit RGB, grey ones otherwise; faint, so that points stand out."""
    colour = picture.pixels.ndim == 3 and picture.pixels.dtype == np.uint8 and not faint
    grey = picture.grey * 0.6 + 0.4 if faint else picture.grey
    axis.imshow(picture.pixels if colour else grey, cmap=None if colour else "gray", vmin=0, vmax=1)
    bare(axis)


def draw_map(axis: Axes, values: Array, window_size: int, top: float | None = None) -> None:
    """A map ``(h, w)`` in its picture's coordinates; ``top`` is the value of the brightest colour."""
    half = window_size // 2
    rows, columns = (side + window_size - 1 for side in values.shape)
    extent = (half - 0.5, columns - half - 0.5, rows - half - 0.5, half - 0.5)
    top = brightest(values) if top is None else top
    axis.imshow(values, cmap=MAP_COLOURS, vmin=0, vmax=top, extent=extent)
    axis.set_xlim(-0.5, columns - 0.5)
    axis.set_ylim(rows - 0.5, -0.5)
    axis.set_facecolor("#bbbbbb")
    bare(axis)


def draw_points(axis: Axes, points: Array, colour: str = POINT_COLOUR) -> None:
    """Points ``(P, 2)``, rows and columns; smaller where there are many."""
    size = float(np.clip(600 / max(len(points), 1), 0.6, 6))
    axis.scatter(points[:, 1], points[:, 0], s=size, color=colour, linewidths=0)


def brightest(values: Array) -> float:
    """The value that the brightest colour stands for: few pixels are far above all others."""
    return max(float(np.quantile(values, 0.995)), 1e-9)


def bare(axis: Axes) -> None:
    """No ticks, no frame."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
