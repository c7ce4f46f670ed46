"""Settings of the suite (no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.core.settings import setting


@dataclass
class FocusConfig(EvaluationConfig):
    """How many cells does the model need?"""

    share: float = setting(0.5, "of the weight, which the counted cells must hold", gt=0, le=1)
