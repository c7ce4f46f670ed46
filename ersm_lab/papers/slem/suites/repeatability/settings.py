"""Settings of the suite ``slem_repeatability``: the amounts of each change."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.plugins import CurveFamily
from ersm_lab.core.settings import setting
from ersm_lab.papers.slem.suites.settings import SlemPointStudyConfig

KINDS = ("noise", "blur", "brightness", "rotation", "scale")


@dataclass
class SlemRepeatabilityConfig(SlemPointStudyConfig):
    """Points found again in a changed picture; an empty list leaves a change out."""

    noise: list[float] = setting(
        [0.01, 0.02, 0.05, 0.1], "standard deviations of Gaussian noise, of intensities in [0, 1]", ge=0
    )
    blur: list[float] = setting([0.5, 1.0, 2.0, 3.0], "standard deviations of a Gaussian blur, pixels", ge=0)
    brightness: list[float] = setting(
        [0.5, 0.75, 1.25, 1.5], "factors of brightness; what is too bright is cut", ge=0
    )
    rotation: list[float] = setting([5.0, 15.0, 30.0, 45.0, 90.0], "rotations, degrees")
    scale: list[float] = setting([0.5, 0.75, 1.25, 1.5, 2.0], "factors of the sides", ge=0.25, le=4)


# what the report page draws with switches
CURVES = (
    CurveFamily(
        table="repeatability_means",
        title="Repeatability of points",
        x="amount",
        x_label="amount",
        ys={"estimate": "points found again"},
        panels=("change",),
        picks=("detector",),
        prefer={"detector": ("*",)},
        help="Points found again in the changed picture; higher is better.",
        replaces=("repeatability_means",),
    ),
)
