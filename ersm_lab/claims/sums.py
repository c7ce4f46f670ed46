"""Scores of a whole set that are made of sums of counts per image, as suites give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ersm_lab.core.plugins import SuiteSpec, load, merged

Counts = NDArray[np.float64]
# an array of the artifact `counts`; its sums ``(m, ...)`` to scores ``(m,)``
Score = tuple[str, Callable[[Counts], Counts]]


def scores_of(suite: str, layout: str) -> Mapping[str, Score]:
    """The scores of sums that a suite gives on data of a layout, by name; none where it gives none."""
    suites: Mapping[str, SuiteSpec] = merged("suites")
    source = suites[suite].sums if suite in suites else ""
    if not source:
        return {}
    tables: Mapping[str, str] = merged("label_tables")
    scores: Mapping[str, Score] = load(source)(load(tables[layout]) if layout in tables else None)
    return scores


def score_names() -> list[str]:
    """The scores of sums that any suite gives on any layout, sorted."""
    layouts = ["", *merged("label_tables")]
    return sorted(
        {name for suite in merged("suites") for layout in layouts for name in scores_of(suite, layout)}
    )
