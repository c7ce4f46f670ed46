"""The figure of the suite ``slem_removal``."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ersm_lab.papers.slem.suites.style import GREY, LOOKS, draw_legend
from ersm_lab.vision.figures import PAGE_INCHES, figure_style


def removal_figure(frame: pd.DataFrame, effects: pd.DataFrame) -> Figure:
    """Held-out error over epochs at one share, and what each removal costs against removing at random, over shares."""
    shares = sorted(share for share in frame["share"].unique() if share > 0)
    shown = min(shares, key=lambda share: abs(share - 0.2))
    others = [arm for arm in dict.fromkeys(frame["arm"]) if arm != "random"]
    with figure_style():
        figure, axes = plt.subplots(1, 3, figsize=(PAGE_INCHES, 2.7))
        _training(axes[0], frame[frame["share"].isin([0.0, shown])])
        axes[0].set_title(f"{100 * shown:g} % removed")
        for axis, quantity, title in ((axes[1], "mse", "mean e²"), (axes[2], "mae", "mean |e|")):
            part = effects[(effects["quantity"] == quantity) & (effects["minus"] == "random")]
            _costs(axis, part, others)
            axis.set_xticks(range(len(shares)), [f"{100 * share:g}" for share in shares])
            axis.set_title(title)
        draw_legend(figure, axes[0], 3)
    return figure


def _training(axis: Axes, frame: pd.DataFrame) -> None:
    """A curve per arm over epochs: the geometric mean over images of held-out e², the last of ``all`` being 1."""
    whole = frame[(frame["arm"] == "all") & (frame["epoch"] == frame["epoch"].max())].groupby("image")["mse"]
    unit = np.exp(whole.apply(lambda values: np.log(values).mean()))
    for arm in dict.fromkeys(frame["arm"]):
        part = frame[frame["arm"] == arm]
        relative = np.log(part["mse"] / part["image"].map(unit))
        curve = np.exp(relative.groupby(part["epoch"]).mean())
        look, dashes = LOOKS[arm], {"b": "--", "r": ":"}.get(arm[0], "-")
        axis.plot(curve.index, curve, color=look.colour, label=look.name, lw=1.1, ls=dashes)
    axis.axhline(1, color=GREY, lw=0.6)
    axis.set_xlabel("epoch")
    axis.set_ylabel("held-out e², all pixels' last = 1")


def _costs(axis: Axes, effects: pd.DataFrame, arms: list[str]) -> None:
    """Held-out error of each arm over that of ``random``, in per cent with its interval, at each share."""
    for place, arm in enumerate(arms):
        rows = effects[effects["arm"] == arm].sort_values("share")
        x = np.arange(len(rows)) + (place - (len(arms) - 1) / 2) * 0.13
        middle, low, high = (100 * np.expm1(rows[name]) for name in ("estimate", "low", "high"))
        (name, colour, marker), reach = LOOKS[arm], [middle - low, high - middle]
        axis.errorbar(x, middle, reach, fmt=marker, ms=3, lw=0.9, color=colour, label=name)
    axis.axhline(0, color=GREY, lw=0.8)
    axis.set_xlabel("removed, %")
    axis.set_ylabel("held-out, over random's, %")
