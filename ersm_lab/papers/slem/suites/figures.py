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
from ersm_lab.papers.slem import drawing
from ersm_lab.papers.slem.drawing import bare, brightest, draw_points
from ersm_lab.papers.slem.points import entropy_points
from ersm_lab.papers.slem.suites.subject import STAND_INS, Learnt
from ersm_lab.statistics.correlation import rank_correlation
from ersm_lab.vision.figures import PAGE_INCHES, PALETTE, figure_style


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
            bare(axis)
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


NAMES = {
    "entropy": "Learning Entropy", "error": "|prediction error|", "harris": "Harris", "shi_tomasi": "Shi-Tomasi",
    "canny": "Canny", "random": "random",
}  # fmt: skip


def sheet_figure(drawn: Sequence[tuple[Learnt, Mapping[str, Pixels]]], sources: Sequence[str]) -> Any:
    """A row per picture, a column per source of points."""
    with figure_style():
        side = PAGE_INCHES / len(sources)
        heights = [side * picture.grey.shape[0] / picture.grey.shape[1] for picture, _ in drawn]
        figure, axes = plt.subplots(
            len(drawn), len(sources), figsize=(PAGE_INCHES, sum(heights) + 0.3), squeeze=False,
            gridspec_kw={"height_ratios": heights},
        )  # fmt: skip
        for row, (picture, points) in zip(axes, drawn, strict=True):
            for axis, source in zip(row, sources, strict=True):
                draw_picture(axis, picture, faint=True)
                draw_points(axis, points[source], PALETTE[1])
            row[0].set_ylabel(f"{picture.name}\n{len(points['entropy'])} points", fontsize=6)
        for axis, source in zip(axes[0], sources, strict=True):
            axis.set_title(NAMES[source], fontsize=7)
    return figure


def scores_figure(means: pd.DataFrame, sources: Sequence[str], measures: Sequence[str]) -> Any:
    """Bars with 95 % intervals, a group per measure; ``means``: source, measure, estimate, low, high in [0, 1]."""
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES, 2.6))
        shown = [measure for measure in (*measures, "edge_auroc") if measure in set(means["measure"])]
        width = 0.8 / len(sources)
        for place, source in enumerate(sources):
            rows = means[means["source"] == source].set_index("measure").reindex(shown)
            at = np.arange(len(shown)) + (place - (len(sources) - 1) / 2) * width
            spread = np.abs(rows[["low", "high"]].to_numpy().T - rows["estimate"].to_numpy())
            axis.bar(
                at, 100 * rows["estimate"], width, yerr=100 * np.nan_to_num(spread), label=NAMES[source],
                color="#999999" if source == "random" else PALETTE[place], error_kw={"lw": 0.7},
            )  # fmt: skip
        axis.set_xticks(np.arange(len(shown)), [measure.replace("_", " ").replace("auroc", "AUROC") for measure in shown])  # fmt: skip
        axis.set_ylabel("%, higher is better")
        axis.set_ylim(0, 100)
        figure.legend(loc="outside lower center", ncols=len(sources), frameon=False)
    return figure


def draw_picture(axis: Axes, picture: Learnt, faint: bool = False) -> None:
    """The picture as it is, in grey where it was learnt in grey; faint, so that points stand out."""
    drawing.draw_picture(axis, picture.pixels, picture.grey, faint)


def draw_map(axis: Axes, picture: Learnt, values: Pixels, top: float | None = None) -> None:
    """A map ``(h, w)`` where its picture's pixels are; ``top`` is the value of the brightest colour."""
    drawing.draw_map(axis, values, picture.window_size, top)


def _grid(rows: int, pictures: Sequence[Learnt], room: float = 0.0) -> tuple[Any, Any]:
    width = PAGE_INCHES * min(1.0, len(pictures) / 4)
    shapes = [picture.grey.shape for picture in pictures]
    ratios = [columns / lines for lines, columns in shapes]  # all of one height
    height = (width - 0.3) / sum(ratios)
    return plt.subplots(
        rows, len(pictures), figsize=(width, rows * (height + 0.06 + room) + 0.3), squeeze=False,
        gridspec_kw={"width_ratios": ratios},
    )  # fmt: skip
