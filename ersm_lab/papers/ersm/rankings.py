"""Rankings of tokens that a mask gives. High is important, so each is minus what the mask charges.

Shapes: importance ``(B, N)``, one per token in raster order. None for a model without a mask.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ersm_lab.core.protocols import ClassifierOutput
from ersm_lab.evaluation.classifiers.models import answer
from ersm_lab.evaluation.classifiers.rankings import Ranking
from ersm_lab.evaluation.classifiers.scene import Scene
from ersm_lab.papers.ersm.energy_mask import CoherenceOutput, EnergyMaskOutput


def _mask(output: ClassifierOutput) -> EnergyMaskOutput | CoherenceOutput | None:
    return output.mask if isinstance(output.mask, (EnergyMaskOutput, CoherenceOutput)) else None


def _energy(scene: Scene) -> Tensor | None:
    mask = _mask(scene.output)
    return None if mask is None else -mask.logit.float()


def _total_energy(scene: Scene) -> Tensor | None:
    mask = _mask(scene.output)
    return None if mask is None else -mask.energy.float()


def _position_only(scene: Scene) -> Tensor | None:
    control = scene.others.get("position_only")
    mask = None if control is None else _mask(answer(control.classify(scene.features)))
    return None if mask is None else -mask.logit.float()


energy = Ranking("energy", _energy, torch.sigmoid)
"""``-z``: a low score is kept."""
total_energy = Ranking("total energy", _total_energy)
"""``-E_i``, the whole energy of a token: another ranking than ``energy``."""
position_only = Ranking("position-only", _position_only, torch.sigmoid, needs="position_only")
"""The mask of the position-only control."""
