"""The figure ``overlays``: pictures with truth, prediction, errors, importance and masks, in the official palette."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ersm_lab.evaluation.segmenters.inference import Segmenter
from ersm_lab.evaluation.segmenters.measuring import SceneSubject, mask_ratios
from ersm_lab.evaluation.segmenters.predictions import Predictions
from ersm_lab.vision.figures import KEEP_MAP, PAGE_INCHES, figure_style
from ersm_lab.vision.labels import IGNORE, LabelTable

_WRONG = (213, 94, 0)
_MASKS = ["#111111", "#0072B2", "#56B4E9", "#E69F00", "#F0E442", "#FFFFFF"]


@dataclass(frozen=True)
class Shown:
    """One picture of the figure.

    ``image (H, W, 3)`` uint8; ``truth`` and ``prediction (H, W)`` trainIds; ``importance (h, w)`` in [0, 1]; ``masks (h, w)``: how many
    of the masks hold a cell; ``score``: its mIoU.
    """

    name: str
    score: float | None
    image: NDArray[np.uint8]
    truth: NDArray[np.uint8] | None
    prediction: NDArray[np.uint8]
    importance: NDArray[np.float32] | None
    masks: NDArray[np.integer] | None


def draw_overlays(subject: SceneSubject, frame: pd.DataFrame, kept: Predictions, segment: Segmenter) -> None:
    """Pictures evenly spread from the hardest to the easiest, the rows of ``frame``."""
    split = subject.data.split(subject.split)
    places = np.linspace(0, len(frame) - 1, min(subject.settings.panels, len(frame)))
    shown = [_shown(subject, frame.iloc[row], kept, segment) for row in np.unique(places.round().astype(int))]
    figure = overlay_figure(shown, split.table, len(mask_ratios(subject.runner.model)))
    what = (
        "Official colours. Errors: wrong pixels in orange; white pixels do not count. "
        "Masks: how many branches see a cell."
    )
    subject.store.figure("overlays", figure, "Pictures, hardest first", what)


def _shown(subject: SceneSubject, record: pd.Series, kept: Predictions, segment: Segmenter) -> Shown:
    split, place = subject.data.split(subject.split), int(record["index"])
    classes, masks = kept.load(place)
    item = subject.data.view_dataset(subject.split, None)[place]
    importance = segment(item["image"][None]).importance
    return Shown(
        name=str(record["name"]),
        score=float(record["miou"]) if "miou" in record else None,
        image=np.asarray(split.image(place)),
        truth=None if split.labels is None else split.train_ids(place),
        prediction=classes.numpy(),
        importance=None if importance is None else importance[0, 0].float().sigmoid().cpu().numpy(),
        masks=np.stack([mask[0, 0].numpy() for mask in masks]).sum(0) if masks else None,
    )


def overlay_figure(shown: Sequence[Shown], table: LabelTable, branches: int) -> Figure:
    """A row per picture, a column per view; below, the colours of the classes that appear."""
    labelled = any(one.truth is not None for one in shown)
    there = {
        "image": True,
        "truth": labelled,
        "prediction": True,
        "errors": labelled,
        "importance": any(one.importance is not None for one in shown),
        "masks": any(one.masks is not None for one in shown),
    }
    views = [view for view, seen in there.items() if seen]
    height, width = shown[0].image.shape[:2]
    cell = PAGE_INCHES / len(views)
    with figure_style():
        inches = (PAGE_INCHES, len(shown) * (cell * height / width + 0.18) + 0.75)
        figure, axes = plt.subplots(len(shown), len(views), squeeze=False, figsize=inches)
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


def _legend(figure: Figure, shown: Sequence[Shown], table: LabelTable, branches: int) -> None:
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
