"""Figures of Learning Entropy maps. Maps are drawn on the grid of their picture, with the margin that no window reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import ConnectionPatch, Rectangle

from ersm_lab.data.pictures import Pixels
from ersm_lab.evaluation.slem_subject import STAND_INS, Learnt
from ersm_lab.metrics.correlation import rank_correlation
from ersm_lab.papers.slem.points import entropy_points
from ersm_lab.vision.figures import PAGE_INCHES, PALETTE, figure_style

MAP_COLOURS = "magma"
POINT_COLOUR = PALETTE[5]


def maps_figure(pictures: Sequence[Learnt], points: Sequence[Pixels], epoch: int) -> Any:
    """A column per picture: the picture, its entropy map, its points."""
    with figure_style():
        figure, axes = _grid(3, pictures)
        for column, (picture, found) in enumerate(zip(pictures, points, strict=True)):
            draw_picture(axes[0, column], picture)
            axes[0, column].set_title(picture.name, fontsize=7)
            draw_map(axes[1, column], picture, picture.map_of(min(epoch, len(picture.entropy))))
            draw_picture(axes[2, column], picture)
            draw_points(axes[2, column], found)
            axes[2, column].set_xlabel(f"{len(found)} points", fontsize=6)
        for row, name in enumerate(("picture", f"Learning Entropy,\nepoch {epoch}", "points")):
            axes[row, 0].set_ylabel(name, fontsize=7)
    return figure


def epochs_figure(pictures: Sequence[Learnt]) -> Any:
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
                draw_map(axis, picture, picture.entropy[epoch - 1], brightest(picture.entropy[0]))
                axis.set_title(f"e² {np.square(picture.error[epoch - 1]).mean():.2g}", fontsize=6)
                if column == 0:
                    axis.set_ylabel(f"epoch {epoch}", fontsize=7)
    return figure


def pipeline_figure(picture: Learnt, points: Mapping[str, Any]) -> Any:
    """From left to right: picture, the window at its strongest point, |error|, adaptation activity, entropy, points."""
    entropy, k = picture.entropy[0], picture.window_size
    found = entropy_points(entropy, k, points["quantile"], points["min_distance"])
    row, column = found[0] if len(found) else np.array(picture.grey.shape) // 2
    half = k // 2
    with figure_style():
        height = PAGE_INCHES / 6 * picture.grey.shape[0] / picture.grey.shape[1]
        figure, axes = plt.subplots(1, 6, figsize=(PAGE_INCHES, height + 0.45))
        draw_picture(axes[0], picture)
        axes[0].add_patch(
            Rectangle((column - 4 * k, row - 4 * k), 8 * k, 8 * k, fill=False, ec=PALETTE[4], lw=1)
        )
        window = picture.grey[row - half : row + half + 1, column - half : column + half + 1]
        axes[1].imshow(window, cmap="gray", vmin=0, vmax=1)
        axes[1].add_patch(Rectangle((half - 0.5, half - 0.5), 1, 1, fill=False, ec=PALETTE[1], lw=1.5))
        axes[1].set_xlabel(f"{k * k - 1} pixels predict the centre", fontsize=6)
        for axis, values in ((axes[2], np.abs(picture.error[0])), (axes[3], picture.activity[0])):
            draw_map(axis, picture, values)
        draw_map(axes[4], picture, entropy)
        draw_picture(axes[5], picture)
        draw_points(axes[5], found)
        axes[5].set_xlabel(f"{len(found)} points", fontsize=6)
        names = ("picture", "window", "|error|", "activity, sum |dw|", "Learning Entropy", "points")
        for axis, name in zip(axes, names, strict=True):
            axis.set_title(name, fontsize=7)
            _bare(axis)
        for left, right in pairwise(axes):
            arrow = ConnectionPatch(
                (1.01, 0.5), (-0.01, 0.5), "axes fraction", "axes fraction", axesA=left, axesB=right,
                arrowstyle="-|>", mutation_scale=8, color="#444444",
            )  # fmt: skip
            arrow.set_in_layout(False)
            figure.add_artist(arrow)
    return figure


def shannon_figure(frame: pd.DataFrame) -> Any:
    """Adaptation activity of the first sweep, mean and sum, against Shannon entropy; a labelled point per picture."""
    measures = {
        "activity_mean": "mean over pixels of sum |dw|",
        "activity_total": "cumulative activity, sum over pixels",
    }
    industrial = frame["name"].isin(STAND_INS)
    kinds = frame["name"].str.partition("/")[0]
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 3.2))
        for axis, (column, label) in zip(axes, measures.items(), strict=True):
            if kinds.nunique() > 1 and frame["name"].str.contains("/").all():
                for place, (kind, group) in enumerate(frame.groupby(kinds, sort=False)):
                    axis.scatter(
                        group["shannon"],
                        group[column],
                        s=14,
                        label=str(kind),
                        color=PALETTE[place % len(PALETTE)],
                    )
            else:
                axis.scatter(
                    frame["shannon"][~industrial], frame[column][~industrial], s=12, color=PALETTE[0]
                )
                axis.scatter(
                    frame["shannon"][industrial], frame[column][industrial], s=16, color=PALETTE[1],
                    marker="s", label="stand in for industrial images",
                )  # fmt: skip
                middle = (frame["shannon"].min() + frame["shannon"].max()) / 2
                for name, x, y in zip(frame["name"], frame["shannon"], frame[column], strict=True):
                    if len(frame) <= 40:
                        side = -1 if x > middle else 1
                        axis.annotate(
                            name, (x, y), fontsize=5, ha="left" if side > 0 else "right", va="center",
                            xytext=(4 * side, 0), textcoords="offset points",
                        )  # fmt: skip
            found = rank_correlation(frame["shannon"], frame[column])
            if found is not None:
                axis.set_title(
                    f"rho = {found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}], n = {found.n}",
                    fontsize=7,
                )
            axis.set_yscale("log")
            axis.set_xlabel("Shannon entropy, bits")
            axis.set_ylabel(label)
        handles, labels = axes[0].get_legend_handles_labels()
        if industrial.any() or len(labels) > 1:
            figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
    return figure


def draw_picture(axis: Axes, picture: Learnt) -> None:
    """The picture as it is, in grey where it was learnt in grey."""
    pixels = picture.pixels
    colour = pixels.ndim == 3 and pixels.dtype == np.uint8
    axis.imshow(pixels if colour else picture.grey, cmap=None if colour else "gray", vmin=0, vmax=1)
    _bare(axis)


def draw_map(axis: Axes, picture: Learnt, values: Pixels, top: float | None = None) -> None:
    """A map ``(h, w)`` where its picture's pixels are; ``top`` is the value of the brightest colour."""
    half, (rows, columns) = picture.window_size // 2, picture.grey.shape
    extent = (half - 0.5, columns - half - 0.5, rows - half - 0.5, half - 0.5)
    axis.imshow(values, cmap=MAP_COLOURS, vmin=0, vmax=brightest(values) if top is None else top, extent=extent)  # fmt: skip
    axis.set_xlim(-0.5, columns - 0.5)
    axis.set_ylim(rows - 0.5, -0.5)
    axis.set_facecolor("#bbbbbb")
    _bare(axis)


def draw_points(axis: Axes, points: Pixels, colour: str = POINT_COLOUR) -> None:
    """Points ``(P, 2)``, smaller where there are many."""
    size = float(np.clip(600 / max(len(points), 1), 0.6, 6))
    axis.scatter(points[:, 1], points[:, 0], s=size, color=colour, linewidths=0)


def brightest(values: Pixels) -> float:
    """The value that the brightest colour stands for: few pixels are far above all others."""
    return max(float(np.quantile(values, 0.995)), 1e-9)


def _grid(rows: int, pictures: Sequence[Learnt], room: float = 0.0) -> tuple[Any, Any]:
    width = PAGE_INCHES * min(1.0, len(pictures) / 4)
    shapes = [picture.grey.shape for picture in pictures]
    ratios = [columns / lines for lines, columns in shapes]  # all of one height
    height = (width - 0.3) / sum(ratios)
    return plt.subplots(
        rows, len(pictures), figsize=(width, rows * (height + 0.06 + room) + 0.3), squeeze=False,
        gridspec_kw={"width_ratios": ratios},
    )  # fmt: skip


def _bare(axis: Axes) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
