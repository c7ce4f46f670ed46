"""FoR-Net: Focus on (hard) Regions (arXiv 2605.02764). See README.md beside this file.

Names are imported when they are first used, so that reading this paper's schema does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ersm_lab.papers.fornet.head import FoRNetHead as FoRNetHead
    from ersm_lab.papers.fornet.head import FoRNetOutput as FoRNetOutput
    from ersm_lab.papers.fornet.loss import FoRNetLoss as FoRNetLoss
    from ersm_lab.papers.fornet.loss import FoRNetLossTerms as FoRNetLossTerms
    from ersm_lab.papers.fornet.model import FoRNet as FoRNet
    from ersm_lab.papers.fornet.segmenter import FoRNetSegmenter as FoRNetSegmenter

_HOME = {
    "FoRNet": "model",
    "FoRNetHead": "head",
    "FoRNetLoss": "loss",
    "FoRNetLossTerms": "loss",
    "FoRNetOutput": "head",
    "FoRNetSegmenter": "segmenter",
}

__all__ = ["FoRNet", "FoRNetHead", "FoRNetLoss", "FoRNetLossTerms", "FoRNetOutput", "FoRNetSegmenter"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
