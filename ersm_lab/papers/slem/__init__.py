"""SLEM: Spatial Learning Entropy Maps (arXiv 2606.10170). See README.md beside this file.

Names are imported when they are first used, so that reading this paper's schema imports neither numba nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ersm_lab.papers.slem.entropy import learning_entropy as learning_entropy
    from ersm_lab.papers.slem.learner import EntropyLearner as EntropyLearner
    from ersm_lab.papers.slem.maps import SLEMResult as SLEMResult
    from ersm_lab.papers.slem.maps import spatial_learning_entropies as spatial_learning_entropies
    from ersm_lab.papers.slem.maps import spatial_learning_entropy as spatial_learning_entropy
    from ersm_lab.papers.slem.points import entropy_points as entropy_points

_HOME = {  # no module has the name of what it holds: importing it would put the module in that name's place
    "EntropyLearner": "learner",
    "SLEMResult": "maps",
    "entropy_points": "points",
    "learning_entropy": "entropy",
    "spatial_learning_entropies": "maps",
    "spatial_learning_entropy": "maps",
}

__all__ = [
    "EntropyLearner",
    "SLEMResult",
    "entropy_points",
    "learning_entropy",
    "spatial_learning_entropies",
    "spatial_learning_entropy",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return found
