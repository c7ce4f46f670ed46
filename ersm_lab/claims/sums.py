"""Scores of a whole set that are made of sums of counts per image, as suites and label tables of plug-ins give them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ersm_lab.core.plugins import SuiteSpec, load, merged

Counts = NDArray[np.float64]
Score = tuple[
    str, Callable[[Counts], Counts]
]  # an array of the artifact `counts`; its sums ``(m, ...)`` to scores ``(m,)``


def scores_of(layout: str) -> dict[str, Score]:
    """Every score of sums for data of a layout, by name; none where no labels per pixel are known for it."""
    tables: dict[str, str] = merged("label_tables")
    if layout not in tables:
        return {}
    suites: dict[str, SuiteSpec] = merged("suites")
    sources = dict.fromkeys(suite.sums for suite in suites.values() if suite.sums)
    table = load(tables[layout])
    return {name: score for source in sources for name, score in load(source)(table).items()}


def score_names() -> list[str]:
    """The scores of sums that any layout has, sorted."""
    return sorted({name for layout in merged("label_tables") for name in scores_of(layout)})
