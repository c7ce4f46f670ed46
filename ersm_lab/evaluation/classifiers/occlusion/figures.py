"""Figures of accuracy under occlusion: a curve per arm over the area, and a heat map of conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ersm_lab.evaluation.classifiers.bands import draw_band
from ersm_lab.vision.figures import PAGE_INCHES, figure_style


def occlusion_figure(
    curves: Mapping[str, Mapping[str, Sequence[NDArray[np.float64]]]], areas: Sequence[float], title: str = ""
) -> Figure:
    """A panel per shape of occluder, a line per arm: ``shape -> arm -> accuracies (areas,)``, one per seed."""
    shapes = list(curves)
    columns = min(3, len(shapes))
    rows = -(-len(shapes) // columns)
    size = (PAGE_INCHES, 1.75 * rows + 0.4)
    with figure_style():
        figure, axes = plt.subplots(rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False)
        for axis in axes.flat[len(shapes) :]:
            axis.set_visible(False)
        for axis, shape in zip(axes.flat, shapes, strict=False):
            for place, (arm, per_seed) in enumerate(curves[shape].items()):
                draw_band(axis, 100 * np.asarray(areas), per_seed, place, arm.replace("_", " "))
            axis.set_title(shape.replace("_", " "))
            axis.set_ylim(bottom=0)
        for axis in axes[:, 0]:
            axis.set_ylabel("accuracy, %")
        for column in range(columns):
            axis = axes[min(rows - 1, (len(shapes) - 1 - column) // columns), column]
            axis.set_xlabel("area occluded, %")
            axis.tick_params(labelbottom=True)
        if title:
            figure.suptitle(title, fontsize=9)
        if max(len(arms) for arms in curves.values()) > 1:
            lines = axes[0, 0].get_legend_handles_labels()
            figure.legend(*lines, loc="outside lower center", ncols=5, frameon=False)
    return figure


def heat_map(
    values: NDArray[np.float64], rows: Sequence[str], areas: Sequence[float], label: str = "accuracy, %"
) -> Figure:
    """``values (rows, areas)`` in [0, 1], in percent with the number in each cell; NaN stays blank."""
    shares = 100 * values
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES, 0.27 * len(rows) + 1.1))
        highest = max(100.0, float(np.nanmax(shares)))
        shown = axis.imshow(shares, cmap="cividis", aspect="auto", vmin=0, vmax=highest)
        axis.set_xticks(range(len(areas)), [f"{100 * area:.0f}" for area in areas])
        axis.set_yticks(range(len(rows)), rows)
        axis.set_xlabel("area occluded, %")
        axis.spines[:].set_visible(False)
        for (row, column), share in np.ndenumerate(shares):
            if not np.isnan(share):
                colour = "white" if share < 55 else "black"
                axis.text(column, row, f"{share:.1f}", ha="center", va="center", fontsize=6.5, color=colour)
        figure.colorbar(shown, ax=axis, label=label, pad=0.01)
    return figure
