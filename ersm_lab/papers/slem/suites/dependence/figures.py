"""The figure of the suite ``slem_dependence``."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ersm_lab.papers.slem.suites.style import GREY, LOOKS, draw_dots, draw_legend, name_rows
from ersm_lab.vision.figures import PAGE_INCHES, figure_style

FACTOR_NAMES = {"traversal": "traversal", "seed": "seed", "window_size": "window", "hidden": "hidden units"}


def dependence_figure(pairs: pd.DataFrame, means: pd.DataFrame) -> Figure:
    """A matrix per factor (above the diagonal rank correlation, below it overlap, of Learning Entropy), and means beside |error|."""
    factors = list(dict.fromkeys(pairs["factor"]))
    with figure_style():
        figure, axes = plt.subplots(2, 3, figsize=(PAGE_INCHES, 4.9))
        for axis in axes.flat[len(factors) : 4]:
            axis.set_axis_off()
        for axis, factor in zip(axes.flat, factors, strict=False):
            _matrix(axis, pairs[(pairs["factor"] == factor) & (pairs["map"] == "entropy")])
            axis.set_title(FACTOR_NAMES[factor])
        for axis, quantity, label in (
            (axes[1, 1], "spearman", "rank correlation of maps"),
            (axes[1, 2], "overlap", "overlap of points"),
        ):
            for shift, kind in ((-0.12, "entropy"), (0.12, "error")):
                part = means[(means["map"] == kind) & (means["quantity"] == quantity)]
                part = part.set_index("factor").reindex(factors)
                draw_dots(axis, np.arange(len(factors)) + shift, part, LOOKS[kind].name, LOOKS[kind].colour)
            if quantity == "overlap":
                chance = means[(means["map"] == "entropy") & (means["quantity"] == "chance")]
                mean = chance["estimate"].mean()
                axis.axvline(mean, color=GREY, lw=0.8, ls=":", label="random points")
            name_rows(axis, [FACTOR_NAMES[factor] for factor in factors])
            axis.set_xlim(0, 1)
            axis.set_xlabel(f"{label},\nmean over pairs")
        draw_legend(figure, axes[1, 2], 3)
    return figure


def _matrix(axis: Axes, pairs: pd.DataFrame) -> None:
    """Every pair of values of one factor: rank correlation above the diagonal, overlap below it."""
    values = list(dict.fromkeys([*pairs["a"], *pairs["b"]]))
    grid = np.full((len(values), len(values)), np.nan)
    for row in pairs.to_dict("records"):
        i, j = values.index(row["a"]), values.index(row["b"])
        if row["quantity"] == "spearman":
            grid[i, j] = row["estimate"]
        elif row["quantity"] == "overlap":
            grid[j, i] = row["estimate"]
    axis.imshow(grid, cmap="cividis", vmin=0, vmax=1)
    for (i, j), value in np.ndenumerate(grid):
        if np.isfinite(value):
            colour = "white" if value < 0.55 else "black"
            axis.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=6, color=colour)
    axis.set_xticks(range(len(values)), values, fontsize=6)
    if max(map(len, values)) > 4:
        plt.setp(axis.get_xticklabels(), rotation=35, ha="right")
    axis.set_yticks(range(len(values)), values, fontsize=6)
    axis.spines[:].set_visible(False)
