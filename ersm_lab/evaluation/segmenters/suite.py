"""The suite of segmentation networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ersm_lab.core.protocols import SegmentationModel, Summary
from ersm_lab.evaluation.arms import Arms
from ersm_lab.evaluation.segmenters.differences import draw_segmentation, segmentation_differences
from ersm_lab.evaluation.segmenters.schema import SegmentationEvaluationConfig
from ersm_lab.evaluation.segmenters.segmentation import evaluate
from ersm_lab.evaluation.subject import Subject
from ersm_lab.evaluation.suite import Suite
from ersm_lab.runs.artifacts import ArtifactStore


class Segmentation(Suite[SegmentationEvaluationConfig, SegmentationModel, Any]):
    """Scores at the published resolution, borders, importance, seams."""

    def evaluate(
        self, subjects: Sequence[Subject[SegmentationEvaluationConfig, SegmentationModel, Any]]
    ) -> list[Summary]:
        """See ``segmentation.evaluate``."""
        return evaluate(subjects)

    def compare(self, arms: Arms, store: ArtifactStore, data: Any, split: str) -> pd.DataFrame:
        """Differences of scores of the whole set; the figure ``classes_arms``."""
        draw_segmentation(arms.by_arm, store)
        return segmentation_differences(arms, data.table)
