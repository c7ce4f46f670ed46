"""Settings of the model and of the suite."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.schema import EvaluationConfig, ModelConfig
from ersm_lab.core.settings import setting
from ersm_lab.nn.schema import BackboneConfig


@dataclass
class PatchBankConfig(ModelConfig):
    """A memory bank over a timm backbone."""

    _target_: str = setting("patchbank.module.PatchBank", "the LightningModule's class")
    variant: str = setting("greedy", "the name of this arm in tables and dashboards", changes_result=False)
    backbone: BackboneConfig = setting(BackboneConfig, "where patch features come from; never trained")
    normal_class: int = setting(0, "the label of normal images; only they are remembered", ge=0)
    share: float = setting(0.05, "of the patches, kept in the bank", gt=0, le=1)
    greedy: bool = setting(True, "keep those that cover all others; false: evenly spread ones")


@dataclass
class DetectionConfig(EvaluationConfig):
    """Are strange images found?"""

    bins: int = setting(20, "of the histogram", ge=2)
