"""Everything that a classifier can be asked: accuracy and sparsity, deletion, structured occlusion, localisation."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from ersm_lab.evaluation.subject import Subject


def evaluate(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """The other suites one after another; localisation only where the data have object masks."""
    suites = ["classification", "deletion", "occlusion"]
    if all(subject.data.has_masks for subject in subjects):
        suites.append("localisation")
    summaries: list[dict[str, Any]] = [{} for _ in subjects]
    for name in suites:
        for summary, found in zip(
            summaries,
            import_module(f"ersm_lab.evaluation.classifiers.{name}").evaluate(subjects),
            strict=True,
        ):
            summary.update(found)
    return summaries
