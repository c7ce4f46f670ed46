"""Rankings of tokens that a mask gives. High is important, so each is minus what the mask charges.

Shapes: importance ``(B, N)``, one per token in raster order. None for a model without a mask.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ersm_lab.evaluation.classifiers.models import answer
from ersm_lab.evaluation.classifiers.rankings import Ranking
from ersm_lab.evaluation.classifiers.scene import Scene


def _energy(scene: Scene) -> Tensor | None:
    return None if scene.output.mask is None else -scene.output.mask.logit.float()


def _total_energy(scene: Scene) -> Tensor | None:
    return None if scene.output.mask is None else -scene.output.mask.energy.float()


def _position_only(scene: Scene) -> Tensor | None:
    control = scene.others.get("position_only")
    mask = None if control is None else answer(control.classify(scene.features)).mask
    return None if mask is None else -mask.logit.float()


energy = Ranking("energy", _energy, torch.sigmoid)
"""``-z``: a low score is kept."""
total_energy = Ranking("total energy", _total_energy)
"""``-E_i``, the whole energy of a token: another ranking than ``energy``."""
position_only = Ranking("position-only", _position_only, torch.sigmoid, needs="position_only")
"""The mask of the position-only control."""
