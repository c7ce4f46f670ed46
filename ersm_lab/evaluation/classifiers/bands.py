"""Curves of accuracy with a band: how sure a mean over seeds, or over images, is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ersm_lab.vision.figures import PALETTE

STYLES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (5, 4)), (0, (2, 2))]


def draw_band(
    axis: Axes,
    x: NDArray[np.float64],
    curves: Sequence[NDArray[np.float64]],
    place: int,
    label: str,
    images: int | None = None,
) -> None:
    """The mean of ``curves (points,)``, one per seed, in percent; ``place`` chooses colour and style.

    The band is one standard deviation over seeds; with one seed, and ``images`` given, the 95 % interval of an accuracy on
    so many images.
    """
    stacked = 100 * np.stack(list(curves))
    mean, colour = stacked.mean(0), PALETTE[place % len(PALETTE)]
    axis.plot(x, mean, color=colour, linestyle=STYLES[place % len(STYLES)], label=label, linewidth=1.2)
    if len(stacked) > 1:
        half = stacked.std(0, ddof=1)
    elif images:
        half = 1.96 * np.sqrt(np.clip(mean * (100 - mean), 0, None) / images)
    else:
        return
    axis.fill_between(x, mean - half, mean + half, color=colour, alpha=0.18, linewidth=0)
