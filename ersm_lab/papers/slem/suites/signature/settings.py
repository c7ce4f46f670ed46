"""Settings of the suite ``slem_signature``."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.plugins import CurveFamily
from ersm_lab.core.settings import setting
from ersm_lab.papers.slem.suites.settings import SlemStudyConfig


@dataclass
class SlemSignatureConfig(SlemStudyConfig):
    """Classification from K patches."""

    counts: list[int] = setting([1, 2, 4, 8, 16, 32], "numbers of patches of a signature (K)", ge=1)
    patch_size: int | None = setting(None, "side of a patch, odd; null: the learner's window", ge=1)
    min_distance: int = setting(
        0, "two points of a picture differ by more than this many pixels along an axis; 0: all stay", ge=0
    )
    seeds: int = setting(3, "learners, and draws of random points", ge=1)
    train: int | None = setting(None, "training pictures, classes in proportion; null: all", ge=10)
    val: int | None = setting(None, "validation pictures, as train", ge=10)
    test: int | None = setting(None, "test pictures, as train", ge=10)


# what the report page draws with switches
CURVES = (
    CurveFamily(
        table="signature_accuracy",
        title="Signatures",
        x="k",
        x_label="K points",
        ys={"estimate": "accuracy"},
        picks=("arm",),
        prefer={"arm": ("*",)},
        help="Accuracy from the patches at K points, by how the points are chosen.",
        replaces=("signature_accuracy",),
    ),
)
