"""Overlays: picture, truth, prediction, errors, importance and masks, in the official palette."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ersm_lab.vision.figures import KEEP_MAP, PAGE_INCHES, figure_style
from ersm_lab.vision.labels import IGNORE, LabelTable

_WRONG = (213, 94, 0)
_MASKS = ["#111111", "#0072B2", "#56B4E9", "#E69F00", "#F0E442", "#FFFFFF"]


@dataclass(frozen=True)
class Shown:
    """One picture: ``image (H, W, 3)`` uint8, ``truth`` and ``prediction (H, W)`` trainIds, ``importance (h, w)`` in [0, 1],
    ``masks (h, w)``: how many of the masks hold a cell; ``score``: its mIoU."""

    name: str
    score: float | None
    image: NDArray[np.uint8]
    truth: NDArray[np.uint8] | None
    prediction: NDArray[np.uint8]
    importance: NDArray[np.float32] | None
    masks: NDArray[np.integer] | None


def overlay_figure(shown: Sequence[Shown], table: LabelTable, branches: int) -> Any:
    """A row per picture, a column per view; below, the colours of the classes that appear."""
    views = ["image"]
    if any(one.truth is not None for one in shown):
        views.append("truth")
    views.append("prediction")
    if any(one.truth is not None for one in shown):
        views.append("errors")
    if any(one.importance is not None for one in shown):
        views.append("importance")
    if any(one.masks is not None for one in shown):
        views.append("masks")
    height, width = shown[0].image.shape[:2]
    cell = PAGE_INCHES / len(views)
    with figure_style():
        figure, axes = plt.subplots(
            len(shown), len(views), squeeze=False,
            figsize=(PAGE_INCHES, len(shown) * (cell * height / width + 0.18) + 0.75),
        )  # fmt: skip
        for row, one in enumerate(shown):
            for column, view in enumerate(views):
                axis: Axes = axes[row, column]
                axis.set_xticks([])
                axis.set_yticks([])
                axis.spines[:].set_visible(False)
                if row == 0:
                    axis.set_title(view)
                _draw(axis, view, one, table, branches)
            score = "" if one.score is None else f"mIoU {100 * one.score:.0f} %"
            axes[row, 0].set_ylabel(score, fontsize=6.5)
            axes[row, 0].set_xlabel(one.name, fontsize=5.5, labelpad=1.5)
        _legend(figure, shown, table, branches)
    return figure


def _draw(axis: Axes, view: str, one: Shown, table: LabelTable, branches: int) -> None:
    if view == "image":
        axis.imshow(one.image)
    elif view == "truth" and one.truth is not None:
        axis.imshow(table.train_palette[one.truth])
    elif view == "prediction":
        axis.imshow(table.train_palette[one.prediction])
    elif view == "errors" and one.truth is not None:
        axis.imshow(error_picture(one.image, one.truth, one.prediction))
    elif view == "importance" and one.importance is not None:
        axis.imshow(
            one.importance, cmap=KEEP_MAP, vmin=0, vmax=1, extent=_extent(one), interpolation="bilinear"
        )
    elif view == "masks" and one.masks is not None:
        colours = ListedColormap(_MASKS[: branches + 1])
        axis.imshow(
            one.masks,
            cmap=colours,
            vmin=-0.5,
            vmax=branches + 0.5,
            extent=_extent(one),
            interpolation="nearest",
        )
    else:
        axis.set_visible(False)


def _extent(one: Shown) -> tuple[float, float, float, float]:
    height, width = one.image.shape[:2]
    return (-0.5, width - 0.5, height - 0.5, -0.5)


def error_picture(
    image: NDArray[np.uint8], truth: NDArray[np.uint8], prediction: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The picture in pale grey, wrong pixels in orange, pixels that do not count in white. ``(H, W, 3)`` uint8."""
    grey = (image.mean(2) * 0.5 + 110).clip(0, 255).astype(np.uint8)
    found = np.repeat(grey[..., None], 3, axis=2)
    found[(truth != prediction) & (truth != IGNORE)] = _WRONG
    found[truth == IGNORE] = 255
    return found


def _legend(figure: Any, shown: Sequence[Shown], table: LabelTable, branches: int) -> None:
    there = {
        int(i)
        for one in shown
        for part in (one.truth, one.prediction)
        if part is not None
        for i in np.unique(part)
    }
    handles = [
        Patch(color=table.train_palette[label.train_id] / 255, label=label.name)
        for label in table.classes
        if label.train_id in there
    ]
    if any(one.masks is not None for one in shown):
        handles += [
            Patch(
                facecolor=_MASKS[i],
                edgecolor="0.6",
                linewidth=0.5,
                label=f"seen by {i} branch{'' if i == 1 else 'es'}",
            )
            for i in range(branches + 1)
        ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=7,
        frameon=False,
        fontsize=6,
        handlelength=1.2,
        columnspacing=1.2,
    )
