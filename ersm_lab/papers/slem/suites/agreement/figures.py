"""The figure of the suite ``slem_agreement``."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ersm_lab.papers.slem.suites.style import GREY, LOOKS, draw_dots, name_rows
from ersm_lab.vision.figures import PAGE_INCHES, PALETTE, figure_style


def agreement_figure(maps: pd.DataFrame, points: pd.DataFrame, radius: float) -> Figure:
    """Left: rank correlation with each map, as it is and with |error| taken out. Right: overlap of points with each detector's."""
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.9))
        names = list(dict.fromkeys(maps["map"]))
        for shift, quantity, label, colour in (
            (-0.12, "spearman", "as it is", PALETTE[1]),
            (0.12, "given_error", "with |error| taken out", PALETTE[4]),
        ):
            part = maps[maps["quantity"] == quantity].set_index("map").reindex(names)
            draw_dots(axes[0], np.arange(len(names)) + shift, part, label, colour)
        name_rows(axes[0], [LOOKS[name].name for name in names])
        axes[0].axvline(0, color=GREY, lw=0.8)
        axes[0].set_xlabel("Spearman's correlation with Learning Entropy")
        detectors = [name for name in dict.fromkeys(points["detector"]) if name != "random"]
        for shift, quantity, label, colour in (
            (-0.2, "entropy", "Learning Entropy", PALETTE[1]),
            (0.0, "error", "|error|", PALETTE[0]),
            (0.2, "chance", "random points", GREY),
        ):
            part = points[points["quantity"] == quantity].set_index("detector").reindex(detectors)
            draw_dots(axes[1], np.arange(len(detectors)) + shift, part, label, colour)
        name_rows(axes[1], [LOOKS[name].name for name in detectors])
        axes[1].set_xlim(left=0)
        axes[1].set_xlabel(f"share of points within {radius:g} pixels of theirs")
        for axis in axes:
            axis.legend(
                frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.17), ncols=3, columnspacing=1
            )
    return figure
