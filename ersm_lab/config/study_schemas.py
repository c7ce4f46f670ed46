"""The schemas of the SLEM studies: what a suite ``slem_<study>`` can be asked for."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.config.schemas import EvaluationConfig
from ersm_lab.settings import setting

TRAVERSALS = ("raster", "serpentine", "column", "hilbert", "random")


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


SCHEMAS: dict[tuple[str, str], type] = {
    ("evaluation", "schema_slem_agreement"): SlemAgreementConfig,
    ("evaluation", "schema_slem_repeatability"): SlemRepeatabilityConfig,
    ("evaluation", "schema_slem_dependence"): SlemDependenceConfig,
    ("evaluation", "schema_slem_removal"): SlemRemovalConfig,
    ("evaluation", "schema_slem_signature"): SlemSignatureConfig,
}
