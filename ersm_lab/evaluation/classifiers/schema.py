"""Settings of the suites of classifiers."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.core.settings import Settings, setting
from ersm_lab.vision.names import FILLS, OCCLUDERS

RANKINGS = (
    "energy",
    "total_energy",
    "magnitude",
    "grad_cam",
    "grad_cam_baseline",
    "integrated_gradients",
    "centre",
    "position_only",
    "random",
)


@dataclass
class DeletionConfig(Settings):
    """The deletion protocol, at the level of tokens."""

    enabled: bool = setting(False, "asked for by the suites that read it")
    rankings: list[str] = setting(list(RANKINGS), "those that a model has are used", choices=RANKINGS)
    draws: int = setting(5, "of the random ranking", ge=1)
    baseline: str | None = setting(None, "run directory of the plain classifier, for grad_cam_baseline")
    position_only: str | None = setting(None, "run directory of the position-only control")


@dataclass
class PixelDeletionConfig(Settings):
    """Deletion and insertion of pixels."""

    enabled: bool = setting(False, "with the suites deletion and stress")
    ranking: str = setting("grad_cam", "upsampled from tokens to pixels", choices=RANKINGS)
    steps: int = setting(20, "points of the curve besides its start", ge=1)
    fills: list[str] = setting(["mean"], "what deleted pixels become", choices=("mean", "blur", "noise"))
    images: int = setting(500, "of the split, evenly spread", ge=1)


@dataclass
class OcclusionConfig(Settings):
    """Structured occlusion: every shape at every area with the first fill, and squares with the others."""

    enabled: bool = setting(False, "asked for by the suites that read it")
    shapes: list[str] = setting(
        [*OCCLUDERS, "object", "background"],
        "the last two where the data have object masks",
        choices=(*OCCLUDERS, "object", "background"),
    )
    areas: list[float] = setting([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], "share of the image", ge=0, le=0.7)
    fills: list[str] = setting(list(FILLS), "what occluded pixels become", choices=FILLS)
    seed: int = setting(0, "of where the occluders lie; the same for every model", ge=0)


@dataclass
class ClassifierEvaluationConfig(EvaluationConfig):
    """What is measured of a classifier."""

    deletion: DeletionConfig = setting(DeletionConfig)
    pixel_deletion: PixelDeletionConfig = setting(PixelDeletionConfig)
    occlusion: OcclusionConfig = setting(OcclusionConfig)
