"""Accuracy per condition, areas under curves, and images for which a condition does not exist."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ersm_lab.metrics.occlusion import Condition, OcclusionAccuracy

CONDITIONS = [
    Condition("square", 0.0, "mean"),
    Condition("square", 0.2, "mean"),
    Condition("square", 0.6, "mean"),
    Condition("object", 0.5, "mean"),
]


def test_cells_curves_and_mean_by_hand_whatever_the_batches() -> None:
    right = torch.tensor([[1, 1, 0, 1], [1, 0, 0, torch.nan], [1, 1, 1, 0], [0, 0, 0, torch.nan]])
    for size in (1, 3, 4):
        metric = OcclusionAccuracy(CONDITIONS, per_sample=True)
        for part, index in zip(right.split(size), torch.tensor([3, 2, 1, 0]).split(size), strict=True):
            metric.update(part, index)
        found = metric.compute()
        np.testing.assert_allclose(found["accuracy"], [0.75, 0.5, 0.25, 0.5])
        assert list(found["curves"]) == [("square", "mean")]
        # trapezoid over 0, 0.2, 0.6, scaled by 0.6
        assert found["curves"]["square", "mean"].item() == pytest.approx((0.2 * 0.625 + 0.4 * 0.375) / 0.6)
        assert found["mean"].item() == pytest.approx((0.5 + 0.25 + 0.5) / 3)
        index, values = metric.samples()
        assert index.tolist() == [0, 1, 2, 3]
        torch.testing.assert_close(values, right.flip(0).double(), equal_nan=True)
    _, axis = metric.plot()
    assert axis.get_xlabel() == "area occluded, %"


def test_wrong_number_of_cells_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(B, 4\)"):
        OcclusionAccuracy(CONDITIONS).update(torch.ones(2, 3))
