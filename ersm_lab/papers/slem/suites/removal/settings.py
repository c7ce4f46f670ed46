"""Settings of the suite ``slem_removal``."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.settings import setting
from ersm_lab.papers.slem.suites.settings import SlemStudyConfig


@dataclass
class SlemRemovalConfig(SlemStudyConfig):
    """Training without some pixels."""

    shares: list[float] = setting(
        [0.05, 0.1, 0.2, 0.5], "shares of the training pixels that are removed", gt=0, lt=1
    )
    epochs: int = setting(16, "epochs of training, after each of which the held-out error is taken", ge=1)
    seeds: int = setting(5, "learners and held-out blocks per picture", ge=1)
    block: int = setting(32, "side of a held-out block, pixels", ge=1)
    test_share: float = setting(0.2, "share of the blocks that is held out", gt=0, lt=1)
