"""Settings of structured occlusion (no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.plugins import CurveFamily
from ersm_lab.core.settings import Settings, setting
from ersm_lab.vision.names import FILLS, OCCLUDERS

_SHAPES = (*OCCLUDERS, "object", "background")


@dataclass
class OcclusionConfig(Settings):
    """Structured occlusion: every shape at every area with the first fill, and squares with the others."""

    enabled: bool = setting(False, "asked for by the suites that read it")
    shapes: list[str] = setting(
        list(_SHAPES), "the last two where the data have object masks", choices=_SHAPES
    )
    areas: list[float] = setting([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], "share of the image", ge=0, le=0.7)
    fills: list[str] = setting(list(FILLS), "what occluded pixels become", choices=FILLS)
    seed: int = setting(0, "of where the occluders lie; the same for every model", ge=0)


# what the report page draws with switches
CURVES = (
    CurveFamily(
        table="occlusion",
        title="Structured occlusion",
        x="area",
        x_label="area occluded, %",
        ys={"accuracy": "accuracy"},
        panels=("shape",),
        picks=("fill",),
        prefer={"fill": ("mean",)},
        help="Accuracy on pictures of which a share is covered by a structure.",
        replaces=("occlusion", "occlusion_heat_map"),
    ),
)
