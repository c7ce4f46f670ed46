"""Rank correlation with its interval, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from ersm_lab.statistics import rank_correlation


def test_rank_correlation_is_scipys_and_its_interval_covers():
    """Breaks when ties are ranked otherwise, or the interval is not of pairs."""
    generator = np.random.default_rng(2)
    a = generator.integers(0, 9, 40).astype(float)
    b = a + generator.normal(0, 3, 40)
    found = rank_correlation(a, b)
    assert found.estimate == pytest.approx(spearmanr(a, b)[0])
    assert found.low < found.estimate < found.high
    assert found.high - found.low < 0.8
    assert rank_correlation(a, np.ones(40)) is None
    assert rank_correlation(a[:2], b[:2]) is None
    with pytest.raises(ValueError, match="finite"):
        rank_correlation([1, 2, np.nan], [1, 2, 3])
