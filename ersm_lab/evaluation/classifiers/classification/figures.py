"""The figure of masks: how often tokens are kept how much."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ersm_lab.evaluation.classifiers.bands import STYLES
from ersm_lab.vision.figures import PAGE_INCHES, PALETTE, figure_style


def histogram_figure(
    edges: NDArray[np.float64], shares: Mapping[str, NDArray[np.float64]], label: str
) -> Figure:
    """Share of tokens per bin (percent, log scale) for each arm."""
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES / 2, 2.3))
        for place, (arm, values) in enumerate(shares.items()):
            colour, style = PALETTE[place % len(PALETTE)], STYLES[place % len(STYLES)]
            label_of = arm.replace("_", " ")
            axis.stairs(100 * values, edges, color=colour, linestyle=style, label=label_of, linewidth=1.2)
        axis.set_yscale("log")
        axis.set_xlabel(label)
        axis.set_ylabel("share of tokens, %")
        if len(shares) > 1:
            axis.legend(frameon=False)
    return figure
