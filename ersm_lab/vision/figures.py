"""One style for all figures: legible at column width, safe for colour-blind readers (Okabe and Ito's palette)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib

matplotlib.use("Agg", force=False)
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap

PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442"]
COLUMN_INCHES = 3.4
PAGE_INCHES = 7.0
OBJECT_COLOUR = "#E69F00"
KEEP_MAP = LinearSegmentedColormap.from_list("keep", ["#111111", "#0072B2", "#56B4E9", "#F0E442"])


@contextmanager
def figure_style() -> Iterator[None]:
    """Matplotlib settings for a figure that is printed at column width."""
    with plt.rc_context(
        {
            "font.size": 8,
            "axes.titlesize": 8,
            "axes.labelsize": 8,
            "legend.fontsize": 7,
            "xtick.labelsize": 7,
            "ytick.labelsize": 7,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(color=PALETTE),
            "figure.constrained_layout.use": True,
            "savefig.bbox": "tight",
        }
    ):
        yield


def faded(image: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """``image (H, W, 3)`` uint8 faded towards white where ``keep (h, w)`` in [0, 1] is low."""
    weight = upsample(keep, image.shape[:2])[..., None]
    return np.clip(255 - (255 - image.astype(float)) * (0.12 + 0.88 * weight), 0, 255).astype(np.uint8)


def upsample(grid: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Nearest-neighbour upsampling of a token grid ``(h, w)`` to ``size`` pixels."""
    rows = np.arange(size[0]) * grid.shape[0] // size[0]
    columns = np.arange(size[1]) * grid.shape[1] // size[1]
    found: np.ndarray = grid[rows][:, columns]
    return found
