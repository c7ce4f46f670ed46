"""Settings of the suite of segmentation networks."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.plugins import CurveFamily
from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.core.settings import Settings, setting
from ersm_lab.vision.names import EXPORTS


@dataclass
class InferenceConfig(Settings):
    """How a whole picture is predicted."""

    mode: str = setting("whole", "in one pass, or in windows that overlap", choices=("whole", "slide"))
    window: list[int] = setting([768, 768], "[H, W] of a sliding window, pixels", ge=8)
    stride: float = setting(0.667, "from window to window, as a share of its side", gt=0, le=1)
    scales: list[float] = setting([1.0], "of which probabilities are averaged", gt=0)
    flip: bool = setting(False, "average with the mirrored picture")

    @staticmethod
    def check(node: InferenceConfig) -> str | None:
        whole = len(node.window) == 2 and node.scales
        return None if whole else "needs a window [H, W] and at least one scale"


@dataclass
class SegmentationEvaluationConfig(EvaluationConfig):
    """What is measured of a segmentation network."""

    inference: InferenceConfig = setting(InferenceConfig)
    boundaries: bool = setting(True, "scores of borders: Boundary IoU, Boundary F, trimaps")
    importance: bool = setting(True, "does the importance map point at errors and borders")
    seams: bool = setting(True, "do the masks leave seams; paired where the control is evaluated too")
    cost: bool = setting(True, "parameters, multiply-adds, latency")
    export: str | None = setting(
        None,
        "write predictions as labelId pictures that the official evaluator reads",
        choices=tuple(EXPORTS),
    )


# what the report page draws with switches
CURVES = (
    CurveFamily(
        table="coverage",
        title="Coverage of borders",
        x="ratio",
        x_label="cells selected, %",
        ys={"borders": "border pixels", "all_pixels": "all pixels"},
        help="Share of pixels in selected cells. All pixels: what chance gives.",
        replaces=("coverage",),
    ),
)
