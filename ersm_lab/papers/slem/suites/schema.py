"""Settings of SLEM's suites: maps and points of one run, and studies of a set of pictures."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.core.settings import Settings, setting
from ersm_lab.papers.slem.schema import TRAVERSALS


@dataclass
class PointsConfig(Settings):
    """How points of interest are taken from a map, and when one counts as right."""

    epoch: int = setting(1, "whose map is read; sweeps count from 1", ge=1)
    quantile: float = setting(0.98, "points lie above this share of their map", ge=0, le=1)
    min_distance: int = setting(2, "no two points nearer than this along both axes; 0: all stay", ge=0)
    radius: float = setting(3.0, "pixels within which a point finds an edge or a corner", ge=0)


@dataclass
class SlemEvaluationConfig(EvaluationConfig):
    """What is measured of entropy learners."""

    arrays: int = setting(12, "pictures whose maps are written as arrays, evenly spread; 0: none", ge=0)
    points: PointsConfig = setting(PointsConfig)


@dataclass
class SlemStudyConfig(EvaluationConfig):
    """What all studies of pictures share."""

    checkpoint: str = setting(
        "last", "which checkpoint is read; studies start learners of their own", choices=("best", "last")
    )
    pictures: int | None = setting(None, "of the set, evenly spread; null: all", ge=1)


@dataclass
class SlemPointStudyConfig(SlemStudyConfig):
    """What studies of points share."""

    share: float = setting(0.005, "points per pixel, the same number for every detector", gt=0, le=0.2)
    radius: float = setting(2.0, "pixels within which two points are one", ge=0)
    min_distance: int = setting(3, "no two points of a detector nearer than this along both axes", ge=0)


@dataclass
class SlemAgreementConfig(SlemPointStudyConfig):
    """Learning Entropy beside detectors and the learner's own error."""

    draws: int = setting(5, "of random points, averaged", ge=2)


@dataclass
class SlemRepeatabilityConfig(SlemPointStudyConfig):
    """Points found again in a changed picture; an empty list leaves a change out."""

    noise: list[float] = setting(
        [0.01, 0.02, 0.05, 0.1], "standard deviation, of intensities in [0, 1]", ge=0
    )
    blur: list[float] = setting([0.5, 1.0, 2.0, 3.0], "Gaussian, pixels", ge=0)
    brightness: list[float] = setting([0.5, 0.75, 1.25, 1.5], "factor; what is too bright is cut", ge=0)
    rotation: list[float] = setting([5.0, 15.0, 30.0, 45.0, 90.0], "degrees")
    scale: list[float] = setting([0.5, 0.75, 1.25, 1.5, 2.0], "of the sides", ge=0.25, le=4)


@dataclass
class SlemDependenceConfig(SlemPointStudyConfig):
    """Maps under settings that could have been others; each list is compared in pairs, an empty one not at all."""

    traversal: list[str] = setting(list(TRAVERSALS), "orders of the pixels", choices=TRAVERSALS)
    seed: list[int] = setting([0, 1, 2, 3, 4], "of the learner", ge=0)
    window_size: list[int] = setting([3, 5, 7, 9], "sides of the window, odd", ge=3)
    hidden: list[int] = setting([4, 8, 16, 32, 64], "units of one hidden layer", ge=1)


@dataclass
class SlemRemovalConfig(SlemStudyConfig):
    """Training without some pixels."""

    shares: list[float] = setting([0.05, 0.1, 0.2, 0.5], "of the training pixels, removed", gt=0, lt=1)
    epochs: int = setting(16, "of training, after each of which the held-out error is taken", ge=1)
    seeds: int = setting(5, "learners and held-out blocks per picture", ge=1)
    block: int = setting(32, "side of a held-out block, pixels", ge=1)
    test_share: float = setting(0.2, "of the blocks, held out", gt=0, lt=1)


@dataclass
class SlemSignatureConfig(SlemStudyConfig):
    """Classification from K patches."""

    counts: list[int] = setting([1, 2, 4, 8, 16, 32], "K, the patches of a signature", ge=1)
    patch_size: int | None = setting(None, "side of a patch, odd; null: the learner's window", ge=1)
    min_distance: int = setting(0, "no two points of a picture nearer than this along both axes", ge=0)
    seeds: int = setting(3, "learners, and draws of random points", ge=1)
    train: int | None = setting(None, "pictures of each split, classes in proportion; null: all", ge=10)
    val: int | None = setting(None, "as train", ge=10)
    test: int | None = setting(None, "as train", ge=10)
