"""Figures of deletion: accuracy against the share of tokens, or of pixels, that are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ersm_lab.evaluation.classifiers.bands import draw_band
from ersm_lab.vision.figures import COLUMN_INCHES, PAGE_INCHES, PALETTE, figure_style

_TITLES = {
    "least_first": "least important first (higher is better)",
    "most_first": "most important first (lower is better)",
}


def deletion_figure(
    curves: Mapping[tuple[str, str], Sequence[NDArray[np.float64]]],
    images: int | None = None,
    title: str = "",
) -> Figure:
    """Accuracy (percent) against the share of tokens deleted, both orders; ``(label, order) -> curves (N + 1,)``.

    One curve per seed: with several the band is a standard deviation over seeds; with one, and ``images`` given, the 95 %
    interval that its images give.
    """
    labels = list(dict.fromkeys(label for label, _ in curves))
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.7), sharey=True)
        for axis, (order, heading) in zip(axes, _TITLES.items(), strict=True):
            for place, label in enumerate(labels):
                if found := curves.get((label, order)):
                    share = np.linspace(0, 100, len(found[0]))
                    draw_band(axis, share, found, place, label, images)
            axis.set_title(heading)
            axis.set_xlabel("tokens deleted, %")
            axis.set_xlim(0, 100)
        axes[0].set_ylabel("accuracy, %")
        axes[0].set_ylim(bottom=0)
        if title:
            figure.suptitle(title, fontsize=9)
        lines = axes[0].get_legend_handles_labels()
        figure.legend(*lines, loc="outside lower center", ncols=min(5, len(labels)), frameon=False)
    return figure


def pixel_figure(frame: pd.DataFrame) -> Figure:
    """The label's probability against the share of pixels changed; a colour per fill, dashed for insertion."""
    with figure_style():
        figure, axis = plt.subplots(figsize=(COLUMN_INCHES, 2.4))
        for place, fill in enumerate(dict.fromkeys(frame["fill"])):
            for mode, style in (("deletion", "-"), ("insertion", "--")):
                part = frame[(frame["mode"] == mode) & (frame["fill"] == fill)]
                x, y, label = 100 * part["share"], part["probability"], f"{mode}, {fill}"
                axis.plot(x, y, style, color=PALETTE[place], label=label)
        axis.set_xlabel("pixels changed, %")
        axis.set_ylabel("probability of the label")
        axis.set_ylim(0, 1)
        axis.legend(frameon=False)
    return figure
