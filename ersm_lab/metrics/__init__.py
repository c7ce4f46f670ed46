"""Metrics: a functional core (validate, update, compute) and a torchmetrics ``Metric`` over it.

The names below are loaded when they are asked for: ``from ersm_lab.metrics import deletion_curve``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

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


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
