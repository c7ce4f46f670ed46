"""Figures of the suite ``slem_points``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ersm_lab.files.pixels import Pixels
from ersm_lab.papers.slem.drawing import draw_picture, draw_points, picture_rows
from ersm_lab.papers.slem.suites.style import LOOKS
from ersm_lab.papers.slem.suites.subject import Learnt
from ersm_lab.vision.figures import PAGE_INCHES, PALETTE, figure_style

NAMES = {source: look.name for source, look in LOOKS.items()} | {"error": "|prediction error|"}


def sheet_figure(drawn: Sequence[tuple[Learnt, Mapping[str, Pixels]]], sources: Sequence[str]) -> Figure:
    """A row per picture, a column per source of points."""
    with figure_style():
        figure, axes = picture_rows([picture for picture, _ in drawn], [NAMES[source] for source in sources])
        for row, (picture, points) in zip(axes, drawn, strict=True):
            for axis, source in zip(row, sources, strict=True):
                draw_picture(axis, picture, faint=True)
                draw_points(axis, points[source], PALETTE[1])
            row[0].set_ylabel(f"{picture.name}\n{len(points['entropy'])} points", fontsize=6)
    return figure


def scores_figure(means: pd.DataFrame, sources: Sequence[str], measures: Sequence[str]) -> Figure:
    """Bars with 95 % intervals, a group per measure; ``means``: source, measure, estimate, low, high in [0, 1]."""
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES, 2.6))
        shown = [measure for measure in (*measures, "edge_auroc") if measure in set(means["measure"])]
        width = 0.8 / len(sources)
        for place, source in enumerate(sources):
            rows = means[means["source"] == source].set_index("measure").reindex(shown)
            at = np.arange(len(shown)) + (place - (len(sources) - 1) / 2) * width
            spread = np.abs(rows[["low", "high"]].to_numpy().T - rows["estimate"].to_numpy())
            middle, reach = 100 * rows["estimate"], 100 * np.nan_to_num(spread)
            colour, thin = "#999999" if source == "random" else PALETTE[place], {"lw": 0.7}
            axis.bar(at, middle, width, yerr=reach, label=NAMES[source], color=colour, error_kw=thin)
        names = [measure.replace("_", " ").replace("auroc", "AUROC") for measure in shown]
        axis.set_xticks(np.arange(len(shown)), names)
        axis.set_ylabel("%, higher is better")
        axis.set_ylim(0, 100)
        figure.legend(loc="outside lower center", ncols=len(sources), frameon=False)
    return figure
