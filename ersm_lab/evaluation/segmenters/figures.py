"""Figures of segmentation scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ersm_lab.vision.figures import PAGE_INCHES, PALETTE, figure_style

_EVENTS = {"errors": "true errors", "boundaries": "true borders"}
_SCORES = {
    "importance": "importance map",
    "uncertainty": "1 \N{MINUS SIGN} max softmax",
    "nearness": "nearness to a\npredicted border",
}


def class_figure(frame: pd.DataFrame) -> Any:
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


def border_figure(borders: Mapping[str, Sequence[tuple[float, float]]], miou: float) -> Any:
    """Left: mean IoU of pixels within w of a true border; right: Boundary F against the disk, a share of the diagonal."""
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.2), sharey=True)
        for axis, key, label in zip(
            axes,
            ("trimap", "boundary_f"),
            ("width of the trimap, pixels", "disk, % of the diagonal"),
            strict=True,
        ):
            x, y = np.array(borders[key]).T if borders[key] else (np.array([]), np.array([]))
            x = x if key == "trimap" else 100 * x
            axis.plot(x, 100 * y, marker="o", markersize=3, color=PALETTE[0], linewidth=1.2)
            axis.set_xlabel(label)
            axis.set_xscale("log", base=2)
            axis.set_xticks(x, [f"{value:.3g}" for value in x])
            axis.minorticks_off()
        axes[0].axhline(100 * miou, color="0.5", linestyle="--", linewidth=0.8)
        axes[0].text(
            axes[0].get_xlim()[1],
            100 * miou,
            "all pixels",
            ha="right",
            va="bottom",
            fontsize=6.5,
            color="0.35",
        )
        axes[0].set_title("trimap IoU")
        axes[1].set_title("Boundary F")
        axes[0].set_ylabel("mean over classes, %")
        axes[0].set_ylim(0, 100)
    return figure


def importance_figure(
    rows: Sequence[Mapping[str, Any]], coverage: Sequence[tuple[float, float, float]]
) -> Any:
    """Average precision of each score against errors and borders, with the base rate; coverage of borders against K."""
    with figure_style():
        figure, axes = plt.subplots(1, 3 if coverage else 2, figsize=(PAGE_INCHES if coverage else 5.2, 2.3))
        for axis, event in zip(axes, _EVENTS, strict=False):
            chosen = [row for row in rows if row["event"] == event and not np.isnan(row["average_precision"])]
            values = [100 * row["average_precision"] for row in chosen]
            bars = axis.barh(range(len(chosen)), values, color=PALETTE[: len(chosen)], height=0.6)
            axis.bar_label(bars, fmt="%.1f", padding=2, fontsize=6.5)
            axis.set_yticks(range(len(chosen)), [_SCORES[row["score"]] for row in chosen])
            axis.invert_yaxis()
            axis.set_xlim(0, 1.18 * max(values, default=1.0))
            base = 100 * rows[0]["base_rate"] if event == rows[0]["event"] else 100 * rows[-1]["base_rate"]
            axis.axvline(base, color="black", linestyle="--", linewidth=0.8)
            axis.set_xlabel("average precision, %")
            axis.set_title(f"finds {_EVENTS[event]}\n(dashed: chance, {base:.1f} %)")
        if len(axes) > 1:
            axes[1].set_yticklabels([])
        if coverage:
            ratio, borders, everything = 100 * np.array(coverage).T
            axes[2].plot(
                ratio,
                borders,
                marker="o",
                markersize=3,
                color=PALETTE[0],
                label="border pixels",
                linewidth=1.2,
            )
            axes[2].plot(
                ratio,
                everything,
                marker="s",
                markersize=3,
                color=PALETTE[1],
                linestyle="--",
                label="all pixels",
                linewidth=1.2,
            )
            axes[2].set_xlabel("cells kept, K in %")
            axes[2].set_ylabel("pixels in kept cells, %")
            axes[2].set_ylim(0, 100)
            axes[2].set_title("coverage")
            axes[2].legend(frameon=False)
    return figure


def seam_figure(frame: pd.DataFrame) -> Any:
    """Error rate against the distance to a true border, on and off the masks' borders; the control at the same pixels."""
    networks = list(dict.fromkeys(frame["network"]))
    names = list(dict.fromkeys(frame["distance"]))
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES * 0.62, 2.4))
        for place, network in enumerate(networks):
            for seam, style in ((True, "-"), (False, "--")):
                part = (
                    frame[(frame["network"] == network) & (frame["seam"] == seam)]
                    .set_index("distance")
                    .reindex(names)
                )
                where = "on mask borders" if seam else "elsewhere"
                who = {"model": "this network", "control": "control without masks"}[network]
                axis.plot(
                    range(len(names)), 100 * part["error_rate"], style, marker="o", markersize=3, color=PALETTE[place],
                    label=f"{who}, {where}", linewidth=1.2,
                )  # fmt: skip
        axis.set_xticks(
            range(len(names)),
            [name.replace("up to ", "\N{LESS-THAN OR EQUAL TO} ") for name in names],
            fontsize=6.5,
        )
        axis.set_xlabel("distance to a true border")
        axis.set_ylabel("wrong pixels, %")
        axis.set_ylim(bottom=0)
        axis.legend(frameon=False)
    return figure


def arms_figure(frames: Mapping[str, Sequence[pd.DataFrame]]) -> Any:
    """IoU by class (percent), a bar per arm: mean over its seeds, whiskers of one standard deviation."""
    first = next(iter(frames.values()))[0]
    with figure_style():
        figure, axis = plt.subplots(figsize=(PAGE_INCHES, 2.6))
        width = 0.84 / len(frames)
        for place, (arm, found) in enumerate(frames.items()):
            values = 100 * np.stack([frame["iou"].to_numpy(float) for frame in found])
            x = np.arange(len(first)) + (place - (len(frames) - 1) / 2) * width
            spread = values.std(0, ddof=1) if len(values) > 1 else None
            axis.bar(
                x, values.mean(0), width, yerr=spread, color=PALETTE[place % len(PALETTE)], label=arm.replace("_", " "),
                error_kw={"linewidth": 0.7, "capsize": 1.2},
            )  # fmt: skip
        names = [
            f"{name} *" if thin else name for name, thin in zip(first["class"], first["thin"], strict=True)
        ]
        axis.set_xticks(range(len(first)), names, rotation=35, ha="right", rotation_mode="anchor")
        axis.set_ylabel("IoU, %")
        axis.set_ylim(0, 100)
        axis.set_title("* thin structures", loc="right", fontsize=7, color="0.35")
        axis.legend(frameon=False, ncols=len(frames), loc="upper left", bbox_to_anchor=(0, 1.14))
    return figure
