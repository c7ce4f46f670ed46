"""Settings that suites of SLEM share (no torch, no numba)."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.core.settings import Settings, setting


@dataclass
class PointsConfig(Settings):
    """How points of interest are taken from a map, and when one counts as right."""

    epoch: int = setting(1, "sweep whose map is read, counted from 1", ge=1)
    quantile: float = setting(0.98, "share of a map that lies below its points", ge=0, le=1)
    min_distance: int = setting(
        2, "two points differ by more than this many pixels along an axis; 0: all stay", ge=0
    )
    radius: float = setting(3.0, "pixels within which a point finds an edge or a corner", ge=0)


@dataclass
class SlemEvaluationConfig(EvaluationConfig):
    """What is measured of entropy learners."""

    arrays: int = setting(12, "pictures whose maps are written as arrays, evenly spread; 0: none", ge=0)
    points: PointsConfig = setting(PointsConfig, "how points are taken from maps")


@dataclass
class SlemStudyConfig(EvaluationConfig):
    """What all studies of pictures share."""

    checkpoint: str = setting(
        "last", "which checkpoint is read; studies start learners of their own", choices=("best", "last")
    )
    pictures: int | None = setting(
        None, "pictures that are taken, evenly spread over the set; null: all", ge=1
    )


@dataclass
class SlemPointStudyConfig(SlemStudyConfig):
    """What studies of points share."""

    share: float = setting(0.005, "points per pixel, the same number for every detector", gt=0, le=0.2)
    radius: float = setting(2.0, "pixels within which two points are one", ge=0)
    min_distance: int = setting(
        3, "two points of a detector differ by more than this many pixels along an axis", ge=0
    )
