"""The base of suites: what is measured on finished runs, one at a time or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ersm_lab.core.protocols import Summary

if TYPE_CHECKING:
    from ersm_lab.evaluation.subject import Subject


class Suite:
    """Measures trained models. A subclass writes ``measure``, or ``evaluate`` where models share work.

    A plug-in names it in its ``suites`` as ``module:Class``; it is made without arguments.
    """

    def evaluate(self, subjects: Sequence[Subject]) -> list[Summary]:
        """Writes each subject's artifacts into its store, and returns a summary per subject, ``<split>/<metric>``."""
        return [self.measure(subject) for subject in subjects]

    def measure(self, subject: Subject) -> Summary:
        """As ``evaluate``, for one subject."""
        raise NotImplementedError
