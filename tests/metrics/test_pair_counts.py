"""Pair counts against numpy, for lengths that leave pixels over."""

from __future__ import annotations

import numpy as np
import pytest

from ersm_lab.metrics.pair_counts import pair_counts


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (16, 16), (7, 9)])
def test_pair_counts(shape):
    """Breaks when the pixels after the last whole group are left out, or truth and prediction change places."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 34, (2, *shape), dtype=np.uint8)
    expected = np.zeros((34, 34), int)
    np.add.at(expected, (first.ravel(), second.ravel()), 1)
    assert (pair_counts(first, second, 34) == expected).all()
    assert (pair_counts(first[:, ::2], second[:, ::2], 34).sum()) == first[:, ::2].size
