"""Scores of sums of pixel counts, for intervals of what a whole set gives. Plain numpy: whoever reads counts needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ersm_lab.vision.labels import LabelTable

Counts = NDArray[np.float64]


def statistics(table: LabelTable) -> dict[str, tuple[str, Callable[[Counts], Counts]]]:
    """Scores of sums of counts: name -> the array they are sums of, and ``(m, ...) -> (m,)``, as ``CityscapesScores`` has them."""
    kept = [label.id for label in table.classes]
    thin = [label.id for label in table.classes if label.name in table.thin]

    def mean_iou(ids: Sequence[int]) -> Callable[[Counts], Counts]:
        def score(confusion: Counts) -> Counts:
            hits = confusion[:, ids, ids]
            predicted = confusion[:, kept][:, :, ids].sum(1)
            return _mean(hits, confusion[:, ids].sum(2) + predicted - hits)

        return score

    def mean_band(ids: Sequence[int]) -> Callable[[Counts], Counts]:
        def score(band: Counts) -> Counts:
            both, true, predicted = (band[:, i][:, ids] for i in range(3))
            return _mean(both, true + predicted - both)

        return score

    found = {"miou": ("confusion", mean_iou(kept)), "boundary_iou": ("band", mean_band(kept))}
    if thin:
        found |= {"thin_iou": ("confusion", mean_iou(thin)), "thin_boundary_iou": ("band", mean_band(thin))}
    return found


def _mean(part: Counts, whole: Counts) -> Counts:
    """Mean over classes of ``part / whole (m, classes)``, those with an empty whole left out."""
    share = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    mean: Counts = np.nanmean(share, axis=1)
    return mean
