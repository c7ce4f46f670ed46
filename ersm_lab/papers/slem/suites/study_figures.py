"""Figures of the SLEM studies: means over pictures, bars are 95 % bootstrap intervals."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ersm_lab.vision.figures import PAGE_INCHES, PALETTE, figure_style

NAMES = {
    "entropy": "Learning Entropy", "error": "|error|", "gradient": "gradient", "harris": "Harris",
    "shi_tomasi": "Shi-Tomasi", "canny": "Canny", "variance": "local variance", "shannon": "local Shannon entropy",
    "random": "random", "all": "all pixels", "top_entropy": "top Learning Entropy", "top_error": "top |error|",
    "bottom_entropy": "bottom Learning Entropy", "bottom_error": "bottom |error|",
}  # fmt: skip
COLOURS = {
    "entropy": PALETTE[1], "error": PALETTE[0], "harris": PALETTE[2], "shi_tomasi": PALETTE[3], "canny": PALETTE[4],
    "gradient": PALETTE[5], "random": "#888888", "all": "#000000", "top_entropy": PALETTE[1], "top_error": PALETTE[0],
    "bottom_entropy": PALETTE[4], "bottom_error": PALETTE[5],
}  # fmt: skip
MARKERS = {
    "entropy": "o", "error": "s", "harris": "^", "shi_tomasi": "v", "canny": "D", "gradient": "P", "random": "x",
    "all": "*", "top_entropy": "o", "top_error": "s", "bottom_entropy": "^", "bottom_error": "v",
}  # fmt: skip
UNITS = {
    "noise": "noise, standard deviation", "blur": "blur, pixels", "brightness": "brightness, factor",
    "rotation": "rotation, degrees", "scale": "scale, factor",
}  # fmt: skip
FACTOR_NAMES = {"traversal": "traversal", "seed": "seed", "window_size": "window", "hidden": "hidden units"}


def agreement_figure(maps: pd.DataFrame, points: pd.DataFrame, radius: float) -> Any:
    """Left: rank correlation with each map, as it is and with |error| taken out. Right: overlap of points with each detector's."""
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.9))
        names = list(dict.fromkeys(maps["map"]))
        for shift, quantity, label, colour in (
            (-0.12, "spearman", "as it is", PALETTE[1]),
            (0.12, "given_error", "with |error| taken out", PALETTE[4]),
        ):
            part = maps[maps["quantity"] == quantity].set_index("map").reindex(names)
            _dots(axes[0], np.arange(len(names)) + shift, part, label, colour)
        _rows(axes[0], [NAMES[name] for name in names])
        axes[0].axvline(0, color="#888888", lw=0.8)
        axes[0].set_xlabel("Spearman's correlation with Learning Entropy")
        detectors = [name for name in dict.fromkeys(points["detector"]) if name != "random"]
        for shift, quantity, label, colour in (
            (-0.2, "entropy", "Learning Entropy", PALETTE[1]),
            (0.0, "error", "|error|", PALETTE[0]),
            (0.2, "chance", "random points", "#888888"),
        ):
            part = points[points["quantity"] == quantity].set_index("detector").reindex(detectors)
            _dots(axes[1], np.arange(len(detectors)) + shift, part, label, colour)
        _rows(axes[1], [NAMES[name] for name in detectors])
        axes[1].set_xlim(left=0)
        axes[1].set_xlabel(f"share of points within {radius:g} pixels of theirs")
        for axis in axes:
            axis.legend(
                frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.17), ncols=3, columnspacing=1
            )
    return figure


def repeatability_figure(means: pd.DataFrame) -> Any:
    """A panel per change, a line per detector."""
    changes = list(dict.fromkeys(means["change"]))
    columns = min(3, len(changes))
    rows = -(-len(changes) // columns)
    with figure_style():
        figure, axes = plt.subplots(
            rows, columns, figsize=(PAGE_INCHES, 2.1 * rows + 0.4), sharey=True, squeeze=False
        )
        for axis in axes.flat[len(changes) :]:
            axis.set_axis_off()
        for axis, change in zip(axes.flat, changes, strict=False):
            part = means[means["change"] == change]
            for detector, line in part.groupby("detector", sort=False):
                _line(axis, line.sort_values("amount"), "amount", str(detector))
            axis.set_xlabel(UNITS[change])
            axis.set_ylim(0, 1.02)
        for axis in axes[:, 0]:
            axis.set_ylabel("points found again")
        _legend(figure, axes[0, 0], 4)
    return figure


def dependence_figure(pairs: pd.DataFrame, means: pd.DataFrame) -> Any:
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
                _dots(axis, np.arange(len(factors)) + shift, part, NAMES[kind], COLOURS[kind])
            if quantity == "overlap":
                chance = means[(means["map"] == "entropy") & (means["quantity"] == "chance")]
                axis.axvline(
                    chance["estimate"].mean(), color="#888888", lw=0.8, ls=":", label="random points"
                )
            _rows(axis, [FACTOR_NAMES[factor] for factor in factors])
            axis.set_xlim(0, 1)
            axis.set_xlabel(f"{label},\nmean over pairs")
        _legend(figure, axes[1, 2], 3)
    return figure


def removal_figure(frame: pd.DataFrame, effects: pd.DataFrame) -> Any:
    """Held-out error over epochs at one share, and what each removal costs against removing at random, over shares."""
    shares = sorted(share for share in frame["share"].unique() if share > 0)
    shown = min(shares, key=lambda share: abs(share - 0.2))
    arms = list(dict.fromkeys(frame["arm"]))
    with figure_style():
        figure, axes = plt.subplots(1, 3, figsize=(PAGE_INCHES, 2.7))
        last = frame["epoch"].max()
        whole = frame[(frame["arm"] == "all") & (frame["epoch"] == last)].groupby("image")["mse"]
        unit = np.exp(whole.apply(lambda values: np.log(values).mean()))
        for arm in arms:
            part = frame[(frame["arm"] == arm) & frame["share"].isin([0.0, shown])]
            relative = np.log(part["mse"] / part["image"].map(unit))
            curve = np.exp(relative.groupby(part["epoch"]).mean())
            axes[0].plot(curve.index, curve, color=COLOURS[arm], label=NAMES[arm], lw=1.1,
                         ls={"b": "--", "r": ":"}.get(arm[0], "-"))  # fmt: skip
        axes[0].axhline(1, color="#888888", lw=0.6)
        axes[0].set_xlabel("epoch")
        axes[0].set_ylabel("held-out e², all pixels' last = 1")
        axes[0].set_title(f"{100 * shown:g} % removed")
        for axis, quantity, title in ((axes[1], "mse", "mean e²"), (axes[2], "mae", "mean |e|")):
            part = effects[(effects["quantity"] == quantity) & (effects["minus"] == "random")]
            others = [arm for arm in arms if arm not in ("random",)]
            for place, arm in enumerate(others):
                line = part[part["arm"] == arm].sort_values("share")
                x = np.arange(len(line)) + (place - (len(others) - 1) / 2) * 0.13
                middle = 100 * np.expm1(line["estimate"])
                low, high = 100 * np.expm1(line["low"]), 100 * np.expm1(line["high"])
                axis.errorbar(x, middle, [middle - low, high - middle], fmt=MARKERS[arm], ms=3, lw=0.9,
                              color=COLOURS[arm], label=NAMES[arm])  # fmt: skip
            axis.axhline(0, color="#888888", lw=0.8)
            axis.set_xticks(range(len(shares)), [f"{100 * share:g}" for share in shares])
            axis.set_xlabel("removed, %")
            axis.set_ylabel("held-out, over random's, %")
            axis.set_title(title)
        _legend(figure, axes[0], 3)
    return figure


def signature_figure(accuracy: pd.DataFrame, effects: pd.DataFrame) -> Any:
    """Left: accuracy against K of every choice of patches, all pixels dashed. Right: Learning Entropy minus each other choice."""
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.9))
        counts = sorted(accuracy["k"].unique())
        for arm, part in accuracy.groupby("arm", sort=False):
            if arm == "all":
                axes[0].axhline(
                    100 * part["estimate"].iloc[0], color="black", ls="--", lw=1, label=NAMES["all"]
                )
                continue
            scaled = part.sort_values("k").assign(**{c: 100 * part[c] for c in ("estimate", "low", "high")})
            _line(axes[0], scaled, "k", str(arm))
        for arm, part in effects[effects["minus"] != "all"].groupby("minus", sort=False):
            scaled = part.sort_values("k").assign(**{c: 100 * part[c] for c in ("estimate", "low", "high")})
            _line(axes[1], scaled, "k", str(arm))
        axes[1].axhline(0, color="#888888", lw=0.8)
        for axis, label in zip(axes, ("test accuracy, %", "Learning Entropy minus it, points"), strict=True):
            axis.set_xscale("log", base=2)
            axis.set_xticks(counts, [f"{count:g}" for count in counts])
            axis.set_xlabel("K, patches")
            axis.set_ylabel(label)
        _legend(figure, axes[0], 6)
    return figure


def _line(axis: Axes, rows: pd.DataFrame, x: str, name: str) -> None:
    """Means with intervals as a band."""
    axis.plot(rows[x], rows["estimate"], color=COLOURS[name], marker=MARKERS[name], ms=3, lw=1.1, label=NAMES[name],
              ls=":" if name == "random" else "-")  # fmt: skip
    axis.fill_between(rows[x], rows["low"], rows["high"], color=COLOURS[name], alpha=0.13, lw=0)


def _dots(axis: Axes, places: Any, rows: pd.DataFrame, label: str, colour: str) -> None:
    """A mean per row of the axis with its interval; rows without one stay empty."""
    middle = rows["estimate"].to_numpy(float)
    reach = np.stack([middle - rows["low"].to_numpy(float), rows["high"].to_numpy(float) - middle])
    axis.errorbar(middle, places, xerr=np.nan_to_num(reach), fmt="o", ms=3, lw=1, color=colour, label=label)


def _rows(axis: Axes, names: list[str]) -> None:
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)


def _matrix(axis: Axes, pairs: pd.DataFrame) -> None:
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
    turned: dict[str, Any] = {"rotation": 35, "ha": "right"} if max(map(len, values)) > 4 else {}
    axis.set_xticks(range(len(values)), values, fontsize=6, **turned)
    axis.set_yticks(range(len(values)), values, fontsize=6)
    axis.spines[:].set_visible(False)


def _legend(figure: Any, axis: Axes, columns: int) -> None:
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=columns, frameon=False)
