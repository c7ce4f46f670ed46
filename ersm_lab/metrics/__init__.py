"""Metrics: a functional core (validate, update, compute) and a torchmetrics ``Metric`` over it.

The names below are loaded when they are asked for: ``from ersm_lab.metrics import deletion_curve``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ersm_lab.metrics.cityscapes_scores import CityscapesScores as CityscapesScores
    from ersm_lab.metrics.deletion import DeletionCurve as DeletionCurve
    from ersm_lab.metrics.deletion import deletion_curve as deletion_curve
    from ersm_lab.metrics.importance import ImportanceQuality as ImportanceQuality
    from ersm_lab.metrics.localisation import MaskLocalisation as MaskLocalisation
    from ersm_lab.metrics.occlusion import OcclusionAccuracy as OcclusionAccuracy
    from ersm_lab.metrics.pixel_deletion import PixelDeletionCurve as PixelDeletionCurve
    from ersm_lab.metrics.pixel_deletion import pixel_curve as pixel_curve
    from ersm_lab.metrics.seams import SeamTest as SeamTest
    from ersm_lab.metrics.segmentation import SegmentationScores as SegmentationScores
    from ersm_lab.metrics.sparsity import MaskSparsity as MaskSparsity

_HOME = {
    "CityscapesScores": "cityscapes_scores",
    "DeletionCurve": "deletion",
    "MaskLocalisation": "localisation",
    "MaskSparsity": "sparsity",
    "OcclusionAccuracy": "occlusion",
    "ImportanceQuality": "importance",
    "PixelDeletionCurve": "pixel_deletion",
    "SeamTest": "seams",
    "SegmentationScores": "segmentation",
    "deletion_curve": "deletion",
    "pixel_curve": "pixel_deletion",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
