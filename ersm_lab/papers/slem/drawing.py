"""Pictures, maps and points on matplotlib axes; maps lie where their picture's pixels are."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ersm_lab.papers.slem.checks import Array
from ersm_lab.vision.figures import PALETTE

MAP_COLOURS = "magma"
POINT_COLOUR = PALETTE[5]


def draw_picture(axis: Axes, pixels: Array, grey: Array, faint: bool = False) -> None:
    """``pixels`` as stored where they are 8-bit RGB, ``grey (H, W)`` in [0, 1] otherwise; faint, so that points stand out."""
    colour = pixels.ndim == 3 and pixels.dtype == np.uint8 and not faint
    shown = grey * 0.6 + 0.4 if faint else grey
    axis.imshow(pixels if colour else shown, cmap=None if colour else "gray", vmin=0, vmax=1)
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
