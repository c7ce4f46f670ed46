"""Figures of the suite ``slem_maps``. Maps are drawn on the grid of their picture, with the margin that no window reaches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle

from ersm_lab.files.pixels import Pixels
from ersm_lab.papers.slem.checks import Array
from ersm_lab.papers.slem.drawing import bare, brightest, draw_map, draw_picture, draw_points
from ersm_lab.papers.slem.points import entropy_points
from ersm_lab.papers.slem.suites.settings import PointsConfig
from ersm_lab.papers.slem.suites.style import draw_legend
from ersm_lab.papers.slem.suites.subject import STAND_INS, Learnt
from ersm_lab.statistics.correlation import rank_correlation
from ersm_lab.vision.figures import PAGE_INCHES, PALETTE, figure_style


def maps_figure(pictures: Sequence[Learnt], points: Sequence[Pixels], epoch: int) -> Figure:
    """A column per picture: the picture, its entropy map, its points."""
    with figure_style():
        figure, axes = _grid(3, pictures)
        for column, (picture, found) in enumerate(zip(pictures, points, strict=True)):
            draw_picture(axes[0, column], picture)
            axes[0, column].set_title(picture.name, fontsize=7)
            draw_map(axes[1, column], picture.map_of(min(epoch, len(picture.entropy))), picture.window_size)
            draw_picture(axes[2, column], picture)
            draw_points(axes[2, column], found)
            axes[2, column].set_xlabel(f"{len(found)} points", fontsize=6)
        for row, name in enumerate(("picture", f"Learning Entropy,\nepoch {epoch}", "points")):
            axes[row, 0].set_ylabel(name, fontsize=7)
    return figure


def epochs_figure(pictures: Sequence[Learnt]) -> Figure:
    """A column per picture, a row per epoch (at most five, evenly spread), one colour scale per picture."""
    most = max(len(picture.entropy) for picture in pictures)
    shown = np.unique(np.linspace(1, most, min(most, 5)).round().astype(int))
    with figure_style():
        figure, axes = _grid(1 + len(shown), pictures, room=0.18)
        for column, picture in enumerate(pictures):
            draw_picture(axes[0, column], picture)
            axes[0, column].set_title(picture.name, fontsize=7)
            for row, epoch in enumerate(shown, 1):
                axis = axes[row, column]
                if epoch > len(picture.entropy):
                    axis.set_axis_off()
                    continue
                top = brightest(picture.entropy[0])
                draw_map(axis, picture.entropy[epoch - 1], picture.window_size, top)
                axis.set_title(f"e² {np.square(picture.error[epoch - 1]).mean():.2g}", fontsize=6)
                if column == 0:
                    axis.set_ylabel(f"epoch {epoch}", fontsize=7)
    return figure


def pipeline_figure(picture: Learnt, points: PointsConfig) -> Figure:
    """From left to right: picture, the window at its strongest point, |error|, adaptation activity, entropy, points."""
    entropy, k = picture.entropy[0], picture.window_size
    found = entropy_points(entropy, k, points.quantile, points.min_distance)
    row, column = found[0] if len(found) else np.array(picture.grey.shape) // 2
    half = k // 2
    with figure_style():
        height = PAGE_INCHES / 6 * picture.grey.shape[0] / picture.grey.shape[1]
        figure, axes = plt.subplots(1, 6, figsize=(PAGE_INCHES, height + 0.45))
        draw_picture(axes[0], picture)
        around = (column - 4 * k, row - 4 * k)
        axes[0].add_patch(Rectangle(around, 8 * k, 8 * k, fill=False, ec=PALETTE[4], lw=1))
        window = picture.grey[row - half : row + half + 1, column - half : column + half + 1]
        axes[1].imshow(window, cmap="gray", vmin=0, vmax=1)
        axes[1].add_patch(Rectangle((half - 0.5, half - 0.5), 1, 1, fill=False, ec=PALETTE[1], lw=1.5))
        axes[1].set_xlabel(f"{k * k - 1} pixels predict the centre", fontsize=6)
        draw_map(axes[2], np.abs(picture.error[0]), k)
        draw_map(axes[3], picture.activity[0], k)
        draw_map(axes[4], entropy, k)
        draw_picture(axes[5], picture)
        draw_points(axes[5], found)
        axes[5].set_xlabel(f"{len(found)} points", fontsize=6)
        names = ("picture", "window", "|error|", "activity, sum |dw|", "Learning Entropy", "points")
        for axis, name in zip(axes, names, strict=True):
            axis.set_title(name, fontsize=7)
            bare(axis)
        for left, right in pairwise(axes):
            _arrow(figure, left, right)
    return figure


def _arrow(figure: Figure, left: Axes, right: Axes) -> None:
    """Between two panels."""
    arrow = ConnectionPatch(
        (1.01, 0.5),
        (-0.01, 0.5),
        "axes fraction",
        "axes fraction",
        axesA=left,
        axesB=right,
        arrowstyle="-|>",
        mutation_scale=8,
        color="#444444",
    )
    arrow.set_in_layout(False)
    figure.add_artist(arrow)


def shannon_figure(frame: pd.DataFrame) -> Figure:
    """Adaptation activity of the first sweep, mean and sum, against Shannon entropy; a labelled point per picture."""
    measures = {
        "activity_mean": "mean over pixels of sum |dw|",
        "activity_total": "cumulative activity, sum over pixels",
    }
    kinds = frame["name"].str.partition("/")[0]
    generated = kinds.nunique() > 1 and frame["name"].str.contains("/").all()
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 3.2))
        for axis, (column, label) in zip(axes, measures.items(), strict=True):
            if generated:
                for place, (kind, group) in enumerate(frame.groupby(kinds, sort=False)):
                    colour = PALETTE[place % len(PALETTE)]
                    axis.scatter(group["shannon"], group[column], s=14, label=str(kind), color=colour)
            else:
                _photographs(axis, frame, column)
            found = rank_correlation(frame["shannon"], frame[column])
            if found is not None:
                interval = f"[{found.low:.2f}, {found.high:.2f}]"
                axis.set_title(f"rho = {found.estimate:.2f} {interval}, n = {found.n}", fontsize=7)
            axis.set_yscale("log")
            axis.set_xlabel("Shannon entropy, bits")
            axis.set_ylabel(label)
        labels = axes[0].get_legend_handles_labels()[1]
        if frame["name"].isin(STAND_INS).any() or len(labels) > 1:
            draw_legend(figure, axes[0], 6)
    return figure


def _photographs(axis: Axes, frame: pd.DataFrame, column: str) -> None:
    """A point per photograph, with its name where there are few."""
    industrial = frame["name"].isin(STAND_INS)
    first, second = frame[~industrial], frame[industrial]
    axis.scatter(first["shannon"], first[column], s=12, color=PALETTE[0])
    what = "stand in for industrial images"
    axis.scatter(second["shannon"], second[column], s=16, color=PALETTE[1], marker="s", label=what)
    if len(frame) > 40:
        return
    middle = (frame["shannon"].min() + frame["shannon"].max()) / 2
    for name, x, y in zip(frame["name"], frame["shannon"], frame[column], strict=True):
        moved, side = ((-4, 0), "right") if x > middle else ((4, 0), "left")
        axis.annotate(name, (x, y), moved, textcoords="offset points", fontsize=5, ha=side, va="center")


def _grid(rows: int, pictures: Sequence[Learnt], room: float = 0.0) -> tuple[Figure, Array]:
    """A column of axes per picture, all of one height."""
    width = PAGE_INCHES * min(1.0, len(pictures) / 4)
    ratios = [picture.grey.shape[1] / picture.grey.shape[0] for picture in pictures]
    height = (width - 0.3) / sum(ratios)
    size, columns = (width, rows * (height + 0.06 + room) + 0.3), {"width_ratios": ratios}
    figure, axes = plt.subplots(rows, len(pictures), figsize=size, squeeze=False, gridspec_kw=columns)
    return figure, axes
