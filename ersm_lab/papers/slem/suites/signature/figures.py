"""The figure of the suite ``slem_signature``."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ersm_lab.papers.slem.suites.style import GREY, LOOKS, draw_legend, draw_line
from ersm_lab.vision.figures import PAGE_INCHES, figure_style


def signature_figure(accuracy: pd.DataFrame, effects: pd.DataFrame) -> Figure:
    """Left: accuracy against K of every choice of patches, all pixels dashed. Right: Learning Entropy minus each other choice."""
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.9))
        counts = sorted(accuracy["k"].unique())
        for arm, part in accuracy.groupby("arm", sort=False):
            if arm == "all":
                level = 100 * part["estimate"].iloc[0]
                axes[0].axhline(level, color="black", ls="--", lw=1, label=LOOKS["all"].name)
            else:
                draw_line(axes[0], _per_cent(part), "k", str(arm))
        for arm, part in effects[effects["minus"] != "all"].groupby("minus", sort=False):
            draw_line(axes[1], _per_cent(part), "k", str(arm))
        axes[1].axhline(0, color=GREY, lw=0.8)
        for axis, label in zip(axes, ("test accuracy, %", "Learning Entropy minus it, points"), strict=True):
            axis.set_xscale("log", base=2)
            axis.set_xticks(counts, [f"{count:g}" for count in counts])
            axis.set_xlabel("K, patches")
            axis.set_ylabel(label)
        draw_legend(figure, axes[0], 6)
    return figure


def _per_cent(rows: pd.DataFrame) -> pd.DataFrame:
    """Means and intervals in per cent, by K."""
    return rows.sort_values("k").assign(**{name: 100 * rows[name] for name in ("estimate", "low", "high")})
