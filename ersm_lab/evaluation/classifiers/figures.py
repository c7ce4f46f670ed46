"""Figures of the stress suites. A curve is given once per seed; the band is one standard deviation over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from ersm_lab.vision.figures import PAGE_INCHES, PALETTE, figure_style

NAMES = {
    "energy": "energy", "total_energy": "total energy", "magnitude": "magnitude", "grad_cam": "Grad-CAM",
    "grad_cam_baseline": "Grad-CAM (baseline)", "integrated_gradients": "integrated gradients", "centre": "centre",
    "position_only": "position-only", "random": "random",
}  # fmt: skip
STYLES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (5, 4)), (0, (2, 2))]


def deletion_figure(
    curves: Mapping[tuple[str, str], Sequence[np.ndarray]], images: int | None = None, title: str = ""
) -> Any:
    """Accuracy (percent) against the share of tokens deleted, both orders; ``(label, order) -> curves (N + 1,)``.

    One curve per seed: with several the band is a standard deviation over seeds; with one, and ``images`` given, the 95 %
    interval that its images give.
    """
    labels = list(dict.fromkeys(label for label, _ in curves))
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.7), sharey=True)
        for axis, order, name in zip(
            axes,
            ("least_first", "most_first"),
            ("least important first", "most important first"),
            strict=True,
        ):
            for place, label in enumerate(labels):
                if (label, order) in curves:
                    _band(
                        axis, curves[label, order], images, place, NAMES.get(label, label.replace("_", " "))
                    )
            axis.set_title(f"{name} ({'higher' if order == 'least_first' else 'lower'} is better)")
            axis.set_xlabel("tokens deleted, %")
            axis.set_xlim(0, 100)
        axes[0].set_ylabel("accuracy, %")
        axes[0].set_ylim(bottom=0)
        if title:
            figure.suptitle(title, fontsize=9)
        figure.legend(
            *axes[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=min(5, len(labels)),
            frameon=False,
        )
    return figure


def _band(axis: Axes, curves: Sequence[np.ndarray], images: int | None, place: int, label: str) -> None:
    stacked = 100 * np.stack(list(curves))
    mean, x = stacked.mean(0), np.linspace(0, 100, stacked.shape[1])
    colour = PALETTE[place % len(PALETTE)]
    axis.plot(x, mean, color=colour, linestyle=STYLES[place % len(STYLES)], label=label, linewidth=1.2)
    half = None
    if len(stacked) > 1:
        half = stacked.std(0, ddof=1)
    elif images:
        half = 1.96 * np.sqrt(np.clip(mean * (100 - mean), 0, None) / images)
    if half is not None:
        axis.fill_between(x, mean - half, mean + half, color=colour, alpha=0.18, linewidth=0)


def occlusion_figure(
    curves: Mapping[str, Mapping[str, Sequence[np.ndarray]]], areas: Sequence[float], title: str = ""
) -> Any:
    """A panel per shape of occluder, a line per arm: ``shape -> arm -> accuracies (areas,)``, one per seed."""
    shapes = list(curves)
    columns = min(3, len(shapes))
    rows = -(-len(shapes) // columns)
    with figure_style():
        figure, axes = plt.subplots(
            rows, columns, figsize=(PAGE_INCHES, 1.75 * rows + 0.4), sharex=True, sharey=True, squeeze=False
        )
        for axis in axes.flat[len(shapes) :]:
            axis.set_visible(False)
        for axis, shape in zip(axes.flat, shapes, strict=False):
            for place, (arm, per_seed) in enumerate(curves[shape].items()):
                stacked, x = 100 * np.stack(list(per_seed)), 100 * np.asarray(areas)
                colour = PALETTE[place % len(PALETTE)]
                axis.plot(
                    x,
                    stacked.mean(0),
                    color=colour,
                    linestyle=STYLES[place % len(STYLES)],
                    label=arm.replace("_", " "),
                    linewidth=1.2,
                )
                if len(stacked) > 1:
                    half = stacked.std(0, ddof=1)
                    axis.fill_between(
                        x,
                        stacked.mean(0) - half,
                        stacked.mean(0) + half,
                        color=colour,
                        alpha=0.18,
                        linewidth=0,
                    )
            axis.set_title(shape.replace("_", " "))
            axis.set_ylim(bottom=0)
        for axis in axes[:, 0]:
            axis.set_ylabel("accuracy, %")
        last = [axes[min(rows - 1, (len(shapes) - 1 - c) // columns), c] for c in range(columns)]
        for axis in last:
            axis.set_xlabel("area occluded, %")
            axis.tick_params(labelbottom=True)
        if title:
            figure.suptitle(title, fontsize=9)
        if max(len(arms) for arms in curves.values()) > 1:
            figure.legend(
                *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False
            )
    return figure


def heat_map(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], label: str, title: str = ""
) -> Any:
    """``values (rows, columns)`` in percent with the number in each cell; NaN stays blank."""
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES, 0.27 * len(rows) + 1.1))
        shown = axis.imshow(
            values, cmap="cividis", aspect="auto", vmin=0, vmax=max(100.0, float(np.nanmax(values)))
        )
        axis.set_xticks(range(len(columns)), columns)
        axis.set_yticks(range(len(rows)), rows)
        axis.set_xlabel("area occluded, %")
        axis.spines[:].set_visible(False)
        for i in range(len(rows)):
            for j in range(len(columns)):
                if not np.isnan(values[i, j]):
                    light = values[i, j] < 55
                    axis.text(j, i, f"{values[i, j]:.1f}", ha="center", va="center", fontsize=6.5,
                              color="white" if light else "black")  # fmt: skip
        figure.colorbar(shown, ax=axis, label=label, pad=0.01)
        if title:
            axis.set_title(title)
    return figure


def histogram_figure(edges: np.ndarray, shares: Mapping[str, np.ndarray], label: str) -> Any:
    """Share of tokens per bin (percent, log scale) for each arm."""
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES / 2, 2.3))
        for place, (arm, values) in enumerate(shares.items()):
            axis.stairs(
                100 * values, edges, color=PALETTE[place % len(PALETTE)], linestyle=STYLES[place % len(STYLES)],
                label=NAMES.get(arm, arm), linewidth=1.2,
            )  # fmt: skip
        axis.set_yscale("log")
        axis.set_xlabel(label)
        axis.set_ylabel("share of tokens, %")
        if len(shares) > 1:
            axis.legend(frameon=False)
    return figure
