"""Settings of the suites of classifiers (no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.core.settings import setting
from ersm_lab.evaluation.classifiers.deletion.settings import DeletionConfig, PixelDeletionConfig
from ersm_lab.evaluation.classifiers.occlusion.settings import OcclusionConfig


@dataclass
class ClassifierEvaluationConfig(EvaluationConfig):
    """What is measured of a classifier."""

    deletion: DeletionConfig = setting(DeletionConfig)
    pixel_deletion: PixelDeletionConfig = setting(PixelDeletionConfig)
    occlusion: OcclusionConfig = setting(OcclusionConfig)
