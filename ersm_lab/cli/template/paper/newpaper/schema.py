"""Settings of the model (no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.schema import ModelConfig
from ersm_lab.core.settings import setting


@dataclass
class NewPaperConfig(ModelConfig):
    """A small convolutional classifier with focused pooling."""

    _target_: str = setting("newpaper.module.NewPaperClassifier", "the LightningModule's class")
    variant: str = setting("focus", "the name of this arm in tables and dashboards", changes_result=False)
    width: int = setting(16, "channels of the first convolution", ge=1)
    focus: bool = setting(True, "learn where to look; false: every cell counts alike")
    temperature: float = setting(1.0, "of the softmax over cells", gt=0)
