"""ERSM: Energy-Regularized Spatial Masking (arXiv 2604.06893). See README.md beside this file.

Names are imported when they are first used, so that reading this paper's schema does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ersm_lab.papers.ersm.classifier import ERSMClassifier as ERSMClassifier
    from ersm_lab.papers.ersm.energy_mask import EnergyMask as EnergyMask
    from ersm_lab.papers.ersm.energy_mask import EnergyMaskOutput as EnergyMaskOutput
    from ersm_lab.papers.ersm.energy_mask import energy_regularizer as energy_regularizer

_HOME = {
    "ERSMClassifier": "classifier",
    "EnergyMask": "energy_mask",
    "EnergyMaskOutput": "energy_mask",
    "energy_regularizer": "energy_mask",
}

__all__ = ["ERSMClassifier", "EnergyMask", "EnergyMaskOutput", "energy_regularizer"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
