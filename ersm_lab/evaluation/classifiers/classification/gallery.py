"""Pictures that tell two models apart, and the ways in which one fails.

- *only one is right*: pictures that exactly one of two models classifies correctly, the most confident first.
- *failures*: wrong pictures of one model, sorted by focus (the mask is spread widest), by distraction (the most of the
  mask lies off the object; needs object masks) and by confidence (the surest of the wrong class).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ersm_lab.evaluation.classifiers.panels import shown
from ersm_lab.vision.figures import OBJECT_COLOUR, PAGE_INCHES, faded, figure_style

_COLUMNS = 6


def draw_gallery(
    by_arm: Mapping[str, Mapping[int, Any]], store: Any, data: Any, split: str, pair: tuple[str, str]
) -> None:
    """Writes ``gallery_<arm>_<other>`` for the arms that comparisons name first, and ``failures_<arm>`` for arms with masks.

    ``pair``: the two arms of the gallery. ``by_arm``: arm -> seed -> an object with ``table(name)`` and ``evaluation.artifacts``; the lowest common seed is shown.
    """
    favourite, other = pair
    common = sorted(set(by_arm[favourite]) & set(by_arm[other]))
    if favourite != other and common:
        first, second = (by_arm[name][common[0]].table("predictions") for name in (favourite, other))
        if first is not None and second is not None:
            _only_one(favourite, other, first, second, store, data, split, common[0])
    for arm, seeds in by_arm.items():
        member = seeds[min(seeds)]
        frame = member.table("predictions")
        if frame is not None and "effective_share" in frame:
            _failures(arm, frame, member.evaluation.artifacts, store, data, split)


def _only_one(
    name: str,
    other: str,
    first: pd.DataFrame,
    second: pd.DataFrame,
    store: Any,
    data: Any,
    split: str,
    seed: int,
) -> None:
    both = first.merge(second, on="index", suffixes=("", "_other"))
    rows = {
        f"only {name}\nis right": both[(both["correct"] == 1) & (both["correct_other"] == 0)],
        f"only {other}\nis right": both[(both["correct"] == 0) & (both["correct_other"] == 1)],
    }
    counts = [len(frame) for frame in rows.values()]
    rows = {title: frame.sort_values("confidence", ascending=False) for title, frame in rows.items()}
    figure = _sheet(
        rows, data, split,
        lambda row: f"{_name(data, row.label)}:\n{_name(data, row.predicted)} | {_name(data, row.predicted_other)}",
        legend=f"true class: {name} | {other}",
    )  # fmt: skip
    store.figure(
        f"gallery_{name}_{other}", figure, f"Only one of {name} and {other} is right",
        f"{counts[0]} and {counts[1]} of {len(both)} pictures, seed {seed}. Titles: true class: {name} | {other}.",
    )  # fmt: skip


def _failures(arm: str, frame: pd.DataFrame, artifacts: Any, store: Any, data: Any, split: str) -> None:
    wrong = frame[frame["correct"] == 0]
    if wrong.empty:
        return
    rows = {"widest mask\n(focus)": wrong.sort_values("effective_share", ascending=False)}
    if "energy_inside" in wrong:
        rows["most off the object\n(distraction)"] = wrong.sort_values("energy_inside")
    rows["surest\n(confidence)"] = wrong.sort_values("confidence", ascending=False)
    with np.load(artifacts.path / "masks.npz") as arrays:
        grid = tuple(arrays["grid"])
        masks = dict(zip(arrays["index"].tolist(), arrays["keep_prob"].astype(float), strict=True))
    figure = _sheet(
        rows, data, split, lambda row: f"{_name(data, row.label)} \N{RIGHTWARDS ARROW}\n{_name(data, row.predicted)}, {100 * row.confidence:.0f} %",
        {index: mask.reshape(grid) for index, mask in masks.items()},
    )  # fmt: skip
    store.figure(
        f"failures_{arm}", figure, f"Failures of {arm}",
        f"{len(wrong)} of {len(frame)} pictures, faded by the mask. Titles: true class, predicted class, confidence.",
    )  # fmt: skip


def _sheet(
    rows: dict[str, pd.DataFrame],
    data: Any,
    split: str,
    title: Any,
    masks: dict[int, np.ndarray] | None = None,
    legend: str = "true class \N{RIGHTWARDS ARROW} predicted class, confidence",
) -> Any:
    with figure_style():
        side = PAGE_INCHES / _COLUMNS
        figure, axes = plt.subplots(
            len(rows), _COLUMNS, figsize=(PAGE_INCHES, (side + 0.3) * len(rows)), squeeze=False
        )
        figure.suptitle(legend, fontsize=7)
        for line, (name, frame) in zip(axes, rows.items(), strict=True):
            line[0].set_ylabel(name, fontsize=7)
            chosen: list[Any] = list(
                frame.head(_COLUMNS).rename(columns={"index": "place"}).itertuples(index=False)
            )
            for place, axis in enumerate(line):
                axis.set_xticks([])
                axis.set_yticks([])
                axis.spines[:].set_visible(False)
                if place < len(chosen):
                    _picture(axis, data, split, int(chosen[place].place), masks)
                    axis.set_title(title(chosen[place]), fontsize=6)
    return figure


def _picture(axis: Axes, data: Any, split: str, index: int, masks: dict[int, np.ndarray] | None) -> None:
    picture = shown(data, split, index)
    if masks is not None:
        grid = masks[index]
        picture = faded(picture, grid / max(float(grid.max()), 1e-12))
    axis.imshow(picture)
    if data.split(split).has_masks:
        mask = data.view_dataset(split, None)[index]["mask"].numpy()
        axis.contour(
            np.pad(mask, 1), levels=[0.5], colors=[OBJECT_COLOUR], linewidths=0.8,
            extent=(-1.5, mask.shape[1] + 0.5, -1.5, mask.shape[0] + 0.5),
        )  # fmt: skip
        axis.set_xlim(-0.5, mask.shape[1] - 0.5)
        axis.set_ylim(mask.shape[0] - 0.5, -0.5)


def _name(data: Any, label: float) -> str:
    return str(data.classes[int(label)])
