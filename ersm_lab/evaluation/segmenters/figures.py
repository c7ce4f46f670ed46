"""Figures of segmentation scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ersm_lab.vision.figures import PAGE_INCHES, PALETTE, figure_style

_EVENTS = {"errors": "true errors", "boundaries": "true borders"}
_SCORES = {
    "importance": "importance map",
    "uncertainty": "1 \N{MINUS SIGN} max softmax",
    "nearness": "nearness to a\npredicted border",
}


def class_figure(frame: pd.DataFrame) -> Figure:
    """Bars of IoU, and of Boundary IoU where it was measured, by class (percent); thin structures are hatched."""
    kinds = {"iou": "IoU", "boundary_iou": "Boundary IoU", "iiou": "iIoU"}
    found = [(key, name) for key, name in kinds.items() if key in frame and frame[key].notna().any()]
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES, 2.4))
        width = 0.8 / len(found)
        for place, (key, name) in enumerate(found):
            x = np.arange(len(frame)) + (place - (len(found) - 1) / 2) * width
            bars = axis.bar(x, 100 * frame[key], width, color=PALETTE[place], label=name)
            for bar, thin in zip(bars, frame["thin"], strict=True):
                bar.set_hatch("////" if thin else "")
                bar.set_edgecolor("white")
                bar.set_linewidth(0)
        for column, missing in enumerate(frame["iou"].isna()):
            if missing:
                axis.text(column, 1, "n/a", ha="center", fontsize=6, color="0.4")
        axis.set_xticks(range(len(frame)), frame["class"], rotation=35, ha="right", rotation_mode="anchor")
        axis.set_ylabel("score, %")
        axis.set_ylim(0, 100)
        axis.set_title("hatched: thin structures", loc="right", fontsize=7, color="0.35")
        axis.legend(frameon=False, ncols=len(found), loc="upper left", bbox_to_anchor=(0, 1.14))
    return figure


Curve = Sequence[tuple[float, float]]


def border_figure(trimap: Curve, boundary_f: Curve, miou: float) -> Figure:
    """Left: mean IoU of pixels within w pixels of a true border; right: Boundary F against the disk, a share of the diagonal."""
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.2), sharey=True)
        _border_curve(axes[0], trimap, 1, "width of the trimap, pixels")
        _border_curve(axes[1], boundary_f, 100, "disk, % of the diagonal")
        axes[0].axhline(100 * miou, color="0.5", linestyle="--", linewidth=0.8)
        end, style = axes[0].get_xlim()[1], {"fontsize": 6.5, "color": "0.35"}
        axes[0].text(end, 100 * miou, "all pixels", ha="right", va="bottom", **style)
        axes[0].set_title("trimap IoU")
        axes[1].set_title("Boundary F")
        axes[0].set_ylabel("mean over classes, %")
        axes[0].set_ylim(0, 100)
    return figure


def _border_curve(axis: Axes, curve: Curve, scale: float, label: str) -> None:
    x, y = np.array(curve).T if curve else (np.array([]), np.array([]))
    x = scale * x
    axis.plot(x, 100 * y, marker="o", markersize=3, color=PALETTE[0], linewidth=1.2)
    axis.set_xlabel(label)
    axis.set_xscale("log", base=2)
    axis.set_xticks(x, [f"{value:.3g}" for value in x])
    axis.minorticks_off()


def importance_figure(frame: pd.DataFrame, coverage: pd.DataFrame) -> Figure:
    """Average precision of each score against errors and borders, with the base rate; coverage of borders against K.

    ``frame``: the table ``importance``; ``coverage``: the table of this name, empty without masks.
    """
    columns, inches = (3, PAGE_INCHES) if len(coverage) else (2, 5.2)
    with figure_style():
        figure, axes = plt.subplots(1, columns, figsize=(inches, 2.3))
        for axis, event in zip(axes, _EVENTS, strict=False):
            _detection_bars(axis, frame[frame["event"] == event], _EVENTS[event])
        axes[1].set_yticklabels([])
        if len(coverage):
            _coverage_curves(axes[2], coverage)
    return figure


def _detection_bars(axis: Axes, frame: pd.DataFrame, event: str) -> None:
    chosen = frame[frame["average_precision"].notna()]
    values = list(100 * chosen["average_precision"])
    bars = axis.barh(range(len(chosen)), values, color=PALETTE[: len(chosen)], height=0.6)
    axis.bar_label(bars, fmt="%.1f", padding=2, fontsize=6.5)
    axis.set_yticks(range(len(chosen)), [_SCORES[score] for score in chosen["score"]])
    axis.invert_yaxis()
    axis.set_xlim(0, 1.18 * max(values, default=1.0))
    base = 100 * frame["base_rate"].iloc[0]
    axis.axvline(base, color="black", linestyle="--", linewidth=0.8)
    axis.set_xlabel("average precision, %")
    axis.set_title(f"finds {event}\n(dashed: chance, {base:.1f} %)")


def _coverage_curves(axis: Axes, coverage: pd.DataFrame) -> None:
    ratio = 100 * coverage["ratio"]
    for place, (column, label, marker, style) in enumerate(
        [("borders", "border pixels", "o", "-"), ("all_pixels", "all pixels", "s", "--")]
    ):
        line = axis.plot(ratio, 100 * coverage[column], style, marker=marker, label=label)[0]
        line.set(color=PALETTE[place], markersize=3, linewidth=1.2)
    axis.set_xlabel("cells kept, K in %")
    axis.set_ylabel("pixels in kept cells, %")
    axis.set_ylim(0, 100)
    axis.set_title("coverage")
    axis.legend(frameon=False)


def seam_figure(frame: pd.DataFrame) -> Figure:
    """Error rate against the distance to a true border, on and off the masks' borders; the control at the same pixels."""
    networks = list(dict.fromkeys(frame["network"]))
    names = list(dict.fromkeys(frame["distance"]))
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES * 0.62, 2.4))
        for place, network in enumerate(networks):
            for seam, style in ((True, "-"), (False, "--")):
                part = frame[(frame["network"] == network) & (frame["seam"] == seam)]
                rates = 100 * part.set_index("distance").reindex(names)["error_rate"]
                where = "on mask borders" if seam else "elsewhere"
                who = {"model": "this network", "control": "control without masks"}[network]
                line = axis.plot(range(len(names)), rates, style, label=f"{who}, {where}")[0]
                line.set(color=PALETTE[place], marker="o", markersize=3, linewidth=1.2)
        ticks = [name.replace("up to ", "\N{LESS-THAN OR EQUAL TO} ") for name in names]
        axis.set_xticks(range(len(names)), ticks, fontsize=6.5)
        axis.set_xlabel("distance to a true border")
        axis.set_ylabel("wrong pixels, %")
        axis.set_ylim(bottom=0)
        axis.legend(frameon=False)
    return figure


def arms_figure(frames: Mapping[str, Sequence[pd.DataFrame]]) -> Figure:
    """IoU by class (percent), a bar per arm: mean over its seeds, whiskers of one standard deviation."""
    first = next(iter(frames.values()))[0]
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES, 2.6))
        width = 0.84 / len(frames)
        for place, (arm, found) in enumerate(frames.items()):
            values = 100 * np.stack([frame["iou"].to_numpy(float) for frame in found])
            x = np.arange(len(first)) + (place - (len(frames) - 1) / 2) * width
            spread = values.std(0, ddof=1) if len(values) > 1 else None
            colour, label = PALETTE[place % len(PALETTE)], arm.replace("_", " ")
            whiskers = {"linewidth": 0.7, "capsize": 1.2}
            axis.bar(x, values.mean(0), width, yerr=spread, error_kw=whiskers, color=colour, label=label)
        names = [
            f"{name} *" if thin else name for name, thin in zip(first["class"], first["thin"], strict=True)
        ]
        axis.set_xticks(range(len(first)), names, rotation=35, ha="right", rotation_mode="anchor")
        axis.set_ylabel("IoU, %")
        axis.set_ylim(0, 100)
        axis.set_title("* thin structures", loc="right", fontsize=7, color="0.35")
        axis.legend(frameon=False, ncols=len(frames), loc="upper left", bbox_to_anchor=(0, 1.14))
    return figure
