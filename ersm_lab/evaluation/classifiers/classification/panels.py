"""Panels: picture, mask, picture faded by the mask, true object."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ersm_lab.core.protocols import LabelledImages
from ersm_lab.evaluation.classifiers.models import ClassifierSubject
from ersm_lab.vision.figures import KEEP_MAP, OBJECT_COLOUR, PAGE_INCHES, faded, figure_style, upsample

_WHAT = "Green titles are right, red ones wrong (true class, then predicted). Each mask is scaled by its own maximum."
_RIGHT, _WRONG = "#009E73", "#D55E00"


def draw_panels(subject: ClassifierSubject, frame: pd.DataFrame, keeps: NDArray[np.float32] | None) -> None:
    """Writes the figure ``panels``: a column per image, evenly spread over the split; a row per view of it.

    ``keeps (n, rows, columns)`` is None for a model without a mask: then the figure shows pictures and predictions only.
    """
    data, split = subject.data, subject.split
    count = min(subject.settings.panels, len(frame))
    chosen = np.linspace(0, len(frame) - 1, count).round().astype(int)
    views = ["image"]
    views += ["keep probability", "faded image"] if keeps is not None else []
    views += ["object"] if data.split(split).has_masks else []
    width = PAGE_INCHES * count / 6
    size = (width, width / count * len(views) + 0.35)
    with figure_style():
        figure, axes = plt.subplots(len(views), count, figsize=size, squeeze=False)
        for column, place in enumerate(chosen):
            record = frame.iloc[place]
            index = int(record["index"])
            picture = shown(data, split, index)
            keep = None if keeps is None else keeps[place]
            for axis, view in zip(axes[:, column], views, strict=True):
                axis.set_xticks([])
                axis.set_yticks([])
                if column == 0:
                    axis.set_ylabel(view, fontsize=7)
                if view == "image":
                    axis.imshow(picture)
                    colour = _RIGHT if record["correct"] else _WRONG
                    axis.set_title(_caption(data, record), color=colour, fontsize=6.5)
                elif view == "object":
                    _draw_object(axis, data, split, index, picture)
                elif keep is not None:
                    _DRAW[view](axis, picture, keep)
        subject.store.figure("panels", figure, "Image, mask, faded image, object", _WHAT)


def shown(data: LabelledImages, split: str, index: int) -> NDArray[np.uint8]:
    """The picture as a model sees it: after the evaluation transform, colours restored. ``(H, W, 3)`` uint8."""
    image = data.view_dataset(split, None)[index]["image"]
    mean, std = data.normalisation
    pixels = image.permute(1, 2, 0).numpy() * np.array(std) + np.array(mean)
    restored: NDArray[np.uint8] = np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)
    return restored


def outline_object(axis: Axes, mask: NDArray[np.bool_], width: float) -> None:
    """The outline of an object mask ``(H, W)`` on a picture of its size."""
    height, columns = mask.shape
    # a border row of background closes the outline of objects that touch the edge
    axis.contour(
        np.pad(mask, 1),
        levels=[0.5],
        colors=[OBJECT_COLOUR],
        linewidths=width,
        extent=(-1.5, columns + 0.5, -1.5, height + 0.5),
    )
    axis.set_xlim(-0.5, columns - 0.5)
    axis.set_ylim(height - 0.5, -0.5)


def of_maximum(keep: NDArray[np.floating]) -> NDArray[np.floating]:
    """A mask over its largest value."""
    return keep / max(float(keep.max()), 1e-12)


def _draw_keep(axis: Axes, picture: NDArray[np.uint8], keep: NDArray[np.float32]) -> None:
    highest = max(float(keep.max()), 1e-6)
    axis.imshow(upsample(keep, picture.shape[:2]), cmap=KEEP_MAP, vmin=0, vmax=highest)
    axis.set_xlabel(f"max {keep.max():.2g}", fontsize=6)


def _draw_faded(axis: Axes, picture: NDArray[np.uint8], keep: NDArray[np.float32]) -> None:
    axis.imshow(faded(picture, of_maximum(keep)))


_DRAW: dict[str, Callable[[Axes, NDArray[np.uint8], NDArray[np.float32]], None]] = {
    "keep probability": _draw_keep,
    "faded image": _draw_faded,
}


def _caption(data: LabelledImages, record: pd.Series) -> str:
    true, said = (data.classes[int(record[name])] for name in ("label", "predicted"))
    return f"{true}" if true == said else f"{true} \N{RIGHTWARDS ARROW} {said}"


def _draw_object(
    axis: Axes, data: LabelledImages, split: str, index: int, picture: NDArray[np.uint8]
) -> None:
    mask = data.view_dataset(split, None)[index]["mask"].numpy()
    axis.imshow(np.where(mask[..., None], picture, (picture * 0.25 + 190).astype(np.uint8)))
    outline_object(axis, mask, width=1)
