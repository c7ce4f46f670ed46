"""The method against its limits, and the contract that every paper keeps."""

import torch
from newpaper.method import FocusPool
from newpaper.suite import cells_that_hold

from ersm_lab.testing import check_paper


def test_a_high_temperature_is_the_plain_mean():
    features = torch.randn(2, 8, 4, 4)
    pooled, weights = FocusPool(8, temperature=1e6)(features)
    torch.testing.assert_close(pooled, features.mean((2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))


def test_without_focus_every_cell_counts_alike():
    features = torch.randn(2, 8, 4, 4)
    torch.testing.assert_close(FocusPool(8, focus=False)(features)[0], features.mean((2, 3)))


def test_cells_that_hold_a_share():
    weights = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]])
    assert cells_that_hold(weights, 0.5).tolist() == [0.25, 0.5]


def test_the_contract():
    check_paper("newpaper")
