"""Scores of a whole set that are made of sums of counts per image, as suites give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ersm_lab.core.plugins import loaded

Counts = NDArray[np.float64]
# an array of the artifact `counts`; its sums ``(m, ...)`` to scores ``(m,)``
Score = tuple[str, Callable[[Counts], Counts]]


def scores_of(suite: str, layout: str) -> Mapping[str, Score]:
    """The scores of sums that a suite gives on data of a layout, by name; none where it gives none."""
    source = loaded("suites", "sums").get(suite)
    if source is None:
        return {}
    scores: Mapping[str, Score] = source(loaded("label_tables").get(layout))
    return scores


def score_names() -> list[str]:
    """The scores of sums that any suite gives on any layout, sorted."""
    layouts, suites = ["", *loaded("label_tables")], loaded("suites", "sums")
    return sorted({name for suite in suites for layout in layouts for name in scores_of(suite, layout)})
