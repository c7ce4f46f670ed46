"""Configuration of ERSM models (no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.schema import ModelConfig
from ersm_lab.core.settings import Settings, setting
from ersm_lab.metrics.names import POOLS
from ersm_lab.nn.schema import BackboneConfig

PAIRWISE = ("redundancy", "coherence", "l1", "none")
BIASES = ("shared", "position")


@dataclass
class EnergyMaskConfig(Settings):
    """The energy-mask layer; the names and defaults are those of ``EnergyMask`` (the recommended variant)."""

    enabled: bool = setting(True, "false: no layer at all, the plain classifier")
    patch_size: int = setting(1, "tokens are patch x patch positions of the feature map", ge=1)
    lambda_unary: float = setting(1e-3, "weight of softplus(z)", ge=0)
    gamma_pairwise: float = setting(0.1, "weight of the pairwise term", ge=0)
    temperature: float = setting(1.0, "of the keep probability sigmoid(-z / T)", gt=0)
    pairwise: str = setting("l1", "the second energy term", choices=PAIRWISE)
    bias: str = setting("shared", "one bias for all tokens, or one per position", choices=BIASES)
    bias_init: float = setting(-2.0, "negative keeps at the start, positive masks")
    train_bias: bool = setting(True, "false: the bias stays at its start value")
    train_weight: bool = setting(True, "false: the score ignores the features (position only)")
    refine_steps: int = setting(0, "mean-field steps on z at test time", ge=0, le=10)

    @staticmethod
    def check(node: EnergyMaskConfig) -> str | None:
        """Settings that contradict each other, in words."""
        if node.refine_steps and not node.train_weight:
            return "has refine_steps with train_weight=false: refinement reads features, the position-only control must not"
        return None


@dataclass
class ERSMConfig(ModelConfig):
    """An ERSM classifier: backbone, energy mask, pooling, linear head."""

    _target_: str = setting("ersm_lab.papers.ersm.ERSMClassifier", "the LightningModule's class")
    variant: str = setting(
        "recommended", "the name under which dashboards and tables group this arm", changes_result=False
    )
    backbone: BackboneConfig = setting(BackboneConfig)
    freeze_backbone: bool = setting(True, "eval mode and no gradient, whatever train() is called with")
    mask: EnergyMaskConfig = setting(EnergyMaskConfig)
    pool: str = setting("masked_mean", "how tokens become one vector", choices=POOLS)
    mask_lr_factor: float = setting(10.0, "learning rate of the mask over that of the head", gt=0)
    label_smoothing: float = setting(0.0, "of the cross-entropy", ge=0, lt=1)
