"""Everything about the maps themselves: the suites ``slem_maps`` and ``slem_points`` one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ersm_lab.evaluation.subject import Subject

SUITES = ("maps", "points")


def evaluate(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """The summaries of all of them, one per subject."""
    summaries: list[dict[str, Any]] = [{} for _ in subjects]
    for name in SUITES:
        found = import_module(f"ersm_lab.papers.slem.suites.{name}").evaluate(subjects)
        for summary, more in zip(summaries, found, strict=True):
            summary.update(more)
    return summaries
