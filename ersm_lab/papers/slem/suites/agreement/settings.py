"""Settings of the suite ``slem_agreement``."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.settings import setting
from ersm_lab.papers.slem.suites.settings import SlemPointStudyConfig


@dataclass
class SlemAgreementConfig(SlemPointStudyConfig):
    """Learning Entropy beside detectors and the learner's own error."""

    draws: int = setting(5, "draws of random points, over which chance is averaged", ge=2)
