"""Pictures that tell two models apart, and the ways in which one fails.

- *only one is right*: pictures that exactly one of two models classifies correctly, the most confident first.
- *failures*: wrong pictures of one model, sorted by focus (the mask is spread widest), by distraction (the most of the
  mask lies off the object; needs object masks) and by confidence (the surest of the wrong class).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ersm_lab.core.protocols import LabelledImages
from ersm_lab.evaluation.arms import Arms, Member
from ersm_lab.evaluation.classifiers.classification.panels import of_maximum, outline_object, shown
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.vision.figures import PAGE_INCHES, faded, figure_style

_COLUMNS = 6


def draw_gallery(arms: Arms, store: ArtifactStore, data: LabelledImages, split: str) -> None:
    """Writes ``gallery_<lead>_<baseline>``, at their lowest common seed, and ``failures_<arm>`` for arms with masks."""
    sheet = _Sheet(data, split)
    name, other = arms.lead, arms.baseline
    common = arms.common_seeds(name, other)
    if name != other and common:
        first, second = (arms.by_arm[arm][common[0]].table("predictions") for arm in (name, other))
        if first is not None and second is not None:
            both = first.merge(second, on="index", suffixes=("", "_other"))
            _only_one(name, other, both, common[0], sheet, store)
    for arm, seeds in arms.by_arm.items():
        member = seeds[min(seeds)]
        frame = member.table("predictions")
        if frame is not None and "effective_share" in frame:
            _failures(arm, frame, member, sheet, store)


def _only_one(
    name: str, other: str, both: pd.DataFrame, seed: int, sheet: _Sheet, store: ArtifactStore
) -> None:
    right, other_right = both["correct"] == 1, both["correct_other"] == 1
    rows = {
        f"only {name}\nis right": both[right & ~other_right],
        f"only {other}\nis right": both[~right & other_right],
    }
    first, second = (len(frame) for frame in rows.values())

    def title(row: pd.Series) -> str:
        true, said, other_said = (
            sheet.class_name(row[key]) for key in ("label", "predicted", "predicted_other")
        )
        return f"{true}:\n{said} | {other_said}"

    rows = {key: frame.sort_values("confidence", ascending=False) for key, frame in rows.items()}
    legend = f"true class: {name} | {other}"
    what = f"{first} and {second} of {len(both)} pictures, seed {seed}. Titles: {legend}."
    figure = sheet.draw(rows, title, legend)
    store.figure(f"gallery_{name}_{other}", figure, f"Only one of {name} and {other} is right", what)


def _failures(arm: str, frame: pd.DataFrame, member: Member, sheet: _Sheet, store: ArtifactStore) -> None:
    wrong, arrays = frame[frame["correct"] == 0], member.arrays("masks")
    if wrong.empty or arrays is None:
        return
    rows = {"widest mask\n(focus)": wrong.sort_values("effective_share", ascending=False)}
    if "energy_inside" in wrong:
        rows["most off the object\n(distraction)"] = wrong.sort_values("energy_inside")
    rows["surest\n(confidence)"] = wrong.sort_values("confidence", ascending=False)
    keeps = arrays["keep_prob"].astype(float).reshape(-1, *arrays["grid"])

    def title(row: pd.Series) -> str:
        true, said = (sheet.class_name(row[key]) for key in ("label", "predicted"))
        return f"{true} \N{RIGHTWARDS ARROW}\n{said}, {100 * row['confidence']:.0f} %"

    legend = "true class \N{RIGHTWARDS ARROW} predicted class, confidence"
    figure = sheet.draw(rows, title, legend, dict(zip(arrays["index"].tolist(), keeps, strict=True)))
    what = f"{len(wrong)} of {len(frame)} pictures, faded by the mask. Titles: true class, predicted class, confidence."
    store.figure(f"failures_{arm}", figure, f"Failures of {arm}", what)


@dataclass(frozen=True)
class _Sheet:
    """Draws rows of pictures of one split."""

    data: LabelledImages
    split: str

    def class_name(self, label: float) -> str:
        return str(self.data.classes[int(label)])

    def draw(
        self,
        rows: Mapping[str, pd.DataFrame],
        title: Callable[[pd.Series], str],
        legend: str,
        keeps: Mapping[int, NDArray[np.float64]] | None = None,
    ) -> Figure:
        """The first pictures of each table ``rows``, faded by ``keeps`` (index to (rows, columns)) where given."""
        side = PAGE_INCHES / _COLUMNS
        size = (PAGE_INCHES, (side + 0.3) * len(rows))
        with figure_style():
            figure, axes = plt.subplots(len(rows), _COLUMNS, figsize=size, squeeze=False)
            figure.suptitle(legend, fontsize=7)
            for axis in axes.flat:
                axis.set_xticks([])
                axis.set_yticks([])
                axis.spines[:].set_visible(False)
            for line, (name, frame) in zip(axes, rows.items(), strict=True):
                line[0].set_ylabel(name, fontsize=7)
                for axis, (_, row) in zip(line, frame.head(_COLUMNS).iterrows(), strict=False):
                    self._picture(axis, int(row["index"]), keeps)
                    axis.set_title(title(row), fontsize=6)
        return figure

    def _picture(self, axis: Axes, index: int, keeps: Mapping[int, NDArray[np.float64]] | None) -> None:
        picture = shown(self.data, self.split, index)
        axis.imshow(picture if keeps is None else faded(picture, of_maximum(keeps[index])))
        if self.data.split(self.split).has_masks:
            mask = self.data.view_dataset(self.split, None)[index]["mask"].numpy()
            outline_object(axis, mask, width=0.8)
