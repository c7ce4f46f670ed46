"""Configuration of FoR-Net and of the segmentation networks that it is compared with (no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ersm_lab.core.schema import ModelConfig
from ersm_lab.core.settings import Settings, setting
from ersm_lab.nn.schema import TimmConfig

ARCHITECTURES = ("fornet", "deeplabv3plus", "pspnet", "fpn", "segformer")
SELECTIONS = ("learned", "random", "none")
OUTPUT_STRIDES = (8, 16, 32)


@dataclass
class SegmentationBackboneConfig(TimmConfig):
    """A timm network at an output stride."""

    name: str = setting("resnet18", "a timm model with features at stride 4; mit_b0 to mit_b5 for segformer")
    output_stride: int = setting(
        8, "pixels per cell of the last features, where the architecture has one", choices=OUTPUT_STRIDES
    )


@dataclass
class FoRNetHeadConfig(Settings):
    """FoR-Net's head; the names and defaults are those of ``FoRNetHead`` (the published settings)."""

    channels: int = setting(256, "width of the projected features and of the decoder, even", ge=2)
    low_project: int = setting(48, "channels of the projected stride-4 features", ge=1)
    topk_ratios: list[float] = setting(
        [0.1, 0.2, 0.3, 0.4], "share of cells that each branch sees; 1.0 sees all", gt=0, le=1
    )
    kernels: list[int] = setting([1, 3, 5, 7], "kernel of each branch, odd", ge=1)
    dilations: list[int] = setting([1, 1, 1, 16], "dilation of each branch", ge=1)
    selection: str = setting(
        "learned",
        "cells by learned importance, at random, or all of them without straight-through gradient",
        choices=SELECTIONS,
    )
    context: bool = setting(True, "branches see F + psi(GAP(F)); false: F")
    branches: list[int] | None = setting(None, "which branches to build, by index; null is all", ge=0)

    @staticmethod
    def check(node: FoRNetHeadConfig) -> str | None:
        lengths = [len(branches) for branches in (node.topk_ratios, node.kernels, node.dilations)]
        if len(set(lengths)) > 1:
            return f"needs one entry per branch in topk_ratios, kernels and dilations, not {', '.join(map(str, lengths))}"
        if not all(kernel % 2 for kernel in node.kernels) or node.channels % 2:
            return f"needs odd kernels and even channels, not {list(node.kernels)} and {node.channels}"
        if node.branches is not None and any(i >= lengths[0] for i in node.branches):
            return f"has {lengths[0]} branches, but branches is {list(node.branches)}"
        return None


@dataclass
class FoRNetLossConfig(Settings):
    """The loss; the names and defaults are those of ``FoRNetLoss`` (the published settings)."""

    lambda_dice: float = setting(1.0, "weight of the Dice term", ge=0)
    lambda_selector: float = setting(
        0.5, "weight of the selector's boundary term; nothing where there is no selector", ge=0
    )
    band: int = setting(2, "rings of dilation around boundary cells in the selector's target", ge=0)
    decay: float = setting(0.5, "factor of the target from ring to ring", ge=0, le=1)
    ohem_threshold: float | None = setting(
        None, "hard example mining: pixels whose true class is less probable; null is off", gt=0, le=1
    )
    ohem_min_share: float = setting(0.0625, "at least this share of pixels, the hardest", gt=0, le=1)


@dataclass
class FoRNetConfig(ModelConfig):
    """A segmentation network with its loss: FoR-Net, or a baseline under the same loss and trainer."""

    _target_: str = setting("ersm_lab.papers.fornet.FoRNetSegmenter", "the LightningModule's class")
    variant: str = setting(
        "published", "the name under which dashboards and tables group this arm", changes_result=False
    )
    architecture: str = setting("fornet", "the network", choices=ARCHITECTURES)
    backbone: SegmentationBackboneConfig = setting(SegmentationBackboneConfig)
    head: FoRNetHeadConfig = setting(FoRNetHeadConfig)
    decoder: dict[str, Any] = setting({}, "keywords for the baseline's class in segmentation_models_pytorch")
    loss: FoRNetLossConfig = setting(FoRNetLossConfig)
    backbone_lr_factor: float = setting(1.0, "learning rate of the backbone over that of the rest", gt=0)
