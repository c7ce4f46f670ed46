"""Panels: picture, mask, picture faded by the mask, true object."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ersm_lab.evaluation.subject import Subject
from ersm_lab.vision.figures import KEEP_MAP, OBJECT_COLOUR, PAGE_INCHES, faded, figure_style, upsample


def draw_panels(subject: Subject, frame: pd.DataFrame, keep: np.ndarray | None) -> None:
    """Writes the figure ``panels``: a column per image, evenly spread over the split; a row per view of it.

    ``keep (n, N)`` is None for a model without a mask: then the figure shows pictures and predictions only.
    """
    split = subject.data.split(subject.split)
    count = min(subject.settings["panels"], len(frame))
    chosen = np.linspace(0, len(frame) - 1, count).round().astype(int)
    rows = (
        ["image"]
        + (["keep probability", "faded image"] if keep is not None else [])
        + (["object"] if split.has_masks else [])
    )
    with figure_style():
        width = PAGE_INCHES * count / 6
        figure, axes = plt.subplots(
            len(rows), count, figsize=(width, width / count * len(rows) + 0.35), squeeze=False
        )
        for column, place in enumerate(chosen):
            record = frame.iloc[place]
            picture = shown(subject.data, subject.split, int(record["index"]))
            grid = None if keep is None else keep[place].reshape(subject.runner.model.grid_size)
            for row, name in enumerate(rows):
                axis: Axes = axes[row, column]
                axis.set_xticks([])
                axis.set_yticks([])
                if name == "image":
                    axis.imshow(picture)
                    axis.set_title(
                        _caption(subject, record),
                        color="#009E73" if record["correct"] else "#D55E00",
                        fontsize=6.5,
                    )
                elif name == "keep probability" and grid is not None:
                    axis.imshow(
                        upsample(grid, picture.shape[:2]),
                        cmap=KEEP_MAP,
                        vmin=0,
                        vmax=max(float(grid.max()), 1e-6),
                    )
                    axis.set_xlabel(f"max {grid.max():.2g}", fontsize=6)
                elif name == "faded image" and grid is not None:
                    axis.imshow(faded(picture, grid / max(float(grid.max()), 1e-12)))
                else:
                    _draw_object(axis, subject, int(record["index"]), picture)
                if column == 0:
                    axis.set_ylabel(name, fontsize=7)
        subject.store.figure(
            "panels", figure, "Image, mask, faded image, object",
            "Green titles are right, red ones wrong (true class, then predicted). Each mask is scaled by its own maximum.",
        )  # fmt: skip


def shown(data: Any, split: str, index: int) -> np.ndarray:
    """The picture as a model sees it: after the evaluation transform, colours restored. ``(H, W, 3)`` uint8."""
    tensor = data.view_dataset(split, None)[index]["image"]
    settings = data.transform
    mean, std = np.array(settings["mean"]), np.array(settings["std"])
    pixels = tensor.permute(1, 2, 0).numpy() * std + mean
    return np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)


def _caption(subject: Subject, record: pd.Series) -> str:
    names = subject.data.classes
    true, said = names[int(record["label"])], names[int(record["predicted"])]
    return f"{true}" if true == said else f"{true} \N{RIGHTWARDS ARROW} {said}"


def _draw_object(axis: Axes, subject: Subject, index: int, picture: np.ndarray) -> None:
    mask = subject.data.view_dataset(subject.split, None)[index]["mask"].numpy()
    axis.imshow(np.where(mask[..., None], picture, (picture * 0.25 + 190).astype(np.uint8)))
    # a border row of background closes the outline of objects that touch the edge
    axis.contour(
        np.pad(mask, 1),
        levels=[0.5],
        colors=[OBJECT_COLOUR],
        linewidths=1,
        extent=(-1.5, mask.shape[1] + 0.5, -1.5, mask.shape[0] + 0.5),
    )
    axis.set_xlim(-0.5, mask.shape[1] - 0.5)
    axis.set_ylim(mask.shape[0] - 0.5, -0.5)
