"""The figure of the suite ``slem_repeatability``."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ersm_lab.papers.slem.suites.style import draw_legend, draw_line
from ersm_lab.vision.figures import PAGE_INCHES, figure_style

UNITS = {
    "noise": "noise, standard deviation",
    "blur": "blur, pixels",
    "brightness": "brightness, factor",
    "rotation": "rotation, degrees",
    "scale": "scale, factor",
}


def repeatability_figure(means: pd.DataFrame) -> Figure:
    """A panel per change, a line per detector."""
    changes = list(dict.fromkeys(means["change"]))
    across = min(3, len(changes))
    down = -(-len(changes) // across)
    with figure_style():
        size = (PAGE_INCHES, 2.1 * down + 0.4)
        figure, axes = plt.subplots(down, across, figsize=size, sharey=True, squeeze=False)
        for axis in axes.flat[len(changes) :]:
            axis.set_axis_off()
        for axis, change in zip(axes.flat, changes, strict=False):
            part = means[means["change"] == change]
            for detector, rows in part.groupby("detector", sort=False):
                draw_line(axis, rows.sort_values("amount"), "amount", str(detector))
            axis.set_xlabel(UNITS[change])
            axis.set_ylim(0, 1.02)
        for axis in axes[:, 0]:
            axis.set_ylabel("points found again")
        draw_legend(figure, axes[0, 0], 4)
    return figure
