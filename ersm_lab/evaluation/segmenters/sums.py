"""Scores of sums of pixel counts: what a paired bootstrap over images needs to score a whole set anew. Numpy alone, no torch.

A set's score is no mean of its images' scores: counts are summed over images first. The suite of segmentation networks keeps
the counts of each image in the artifact ``counts``; comparisons and claims draw images from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ersm_lab.vision.labels import LabelTable

Counts = NDArray[np.float64]
Statistic = Callable[[Counts], Counts]


def scores_of_sums(table: LabelTable | None) -> dict[str, tuple[str, Statistic]]:
    """Each score's name, with the array of ``counts`` that it is made of, and a function from sums to scores.

    The function takes ``(m, ...)``, m sums over images, and gives ``(m,)`` in [0, 1]: for many sums at once, and without torch,
    what ``ersm_lab.metrics.cityscapes_scores`` gives for one. Scores of thin structures are there where the table has some; without
    a table nobody knows which labels count, and there is no score.
    """
    if table is None:
        return {}
    kept = [label.id for label in table.classes]
    thin = [label.id for label in table.classes if label.name in table.thin]

    def mean_iou(ids: Sequence[int]) -> Statistic:
        def score(confusion: Counts) -> Counts:
            hits = confusion[:, ids, ids]
            predicted = confusion[:, kept][:, :, ids].sum(1)
            return _mean(hits, confusion[:, ids].sum(2) + predicted - hits)

        return score

    def mean_band(ids: Sequence[int]) -> Statistic:
        def score(band: Counts) -> Counts:
            both, true, predicted = (band[:, i][:, ids] for i in range(3))
            return _mean(both, true + predicted - both)

        return score

    found = {"miou": ("confusion", mean_iou(kept)), "boundary_iou": ("band", mean_band(kept))}
    if thin:
        found |= {"thin_iou": ("confusion", mean_iou(thin)), "thin_boundary_iou": ("band", mean_band(thin))}
    return found


def _mean(part: Counts, whole: Counts) -> Counts:
    """The mean over classes of ``part / whole (m, classes)``; a class with an empty whole is left out."""
    share = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    mean: Counts = np.nanmean(share, axis=1)
    return mean
