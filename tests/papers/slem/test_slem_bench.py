"""The bench of the entropy engine; no speed is asserted here."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ersm_lab.bench import slem
from ersm_lab.papers.slem.engine.learner import Engine
from ersm_lab.papers.slem.schema import LearnerSettings


def test_the_reference_learns_what_the_engine_learns():
    """Breaks when the two sides of the bench do different work."""
    image = slem._scene(20)
    torch.manual_seed(3)
    increments = slem.naive(torch.from_numpy(image), 5, 16, 100).numpy()
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(24, 16), nn.Tanh(), nn.Linear(16, 1))
    first, second = model[0], model[2]
    weights = [part.detach().numpy() for part in (first.weight, first.bias, second.weight[0], second.bias[0])]
    activity = Engine(image.shape, LearnerSettings(), weights).sweep(image).activity.ravel()[:100]
    np.testing.assert_allclose(np.abs(increments).sum(axis=1), activity, atol=1e-5)


def test_it_runs_and_memory_does_not_grow():
    """Breaks when a row can no longer be measured, or the room for a sweep grows with the image."""
    rows = slem.run(side=24, samples=3, rounds=1)
    assert all(row.ours > 0 and row.reference > 0 for row in rows)
    assert sum(row.goal is not None for row in rows) >= 5
    assert slem._held(200) < 1.1 * slem._held(50) + 8
