"""Rank correlation over a set of pictures, with its uncertainty."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

Array = NDArray[np.float64]


class RankCorrelation(NamedTuple):
    """Spearman's rho with a percentile bootstrap interval over ``n`` pairs."""

    estimate: float
    low: float
    high: float
    n: int


def rank_correlation(
    first: ArrayLike, second: ArrayLike, n_boot: int = 2000, level: float = 0.95, seed: int = 0
) -> RankCorrelation | None:
    """Spearman's rho of two measures of the same things, each ``(n,)``, in [-1, 1]; ties share their mean rank.

    The interval draws pairs with replacement; draws in which a measure does not vary are passed over. None for fewer than three
    pairs, and where a measure does not vary. Raises ``ValueError`` for different lengths and values that are not finite.

    >>> rank_correlation([1, 2, 3, 4], [10, 20, 30, 45]).estimate
    1.0
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(
            f"two measures of the same things have one length, but these have {a.shape} and {b.shape}"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a rank correlation needs finite values")
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    draws = np.random.default_rng(seed).integers(0, len(a), (n_boot, len(a)))
    found = _rho(a[draws], b[draws])
    low, high = np.nanquantile(found, [(1 - level) / 2, (1 + level) / 2])
    return RankCorrelation(float(_rho(a[None], b[None])[0]), float(low), float(high), len(a))


def _rho(a: Array, b: Array) -> Array:
    """Row by row, ``(n_boot,)``; NaN where a row does not vary."""
    ranks = [rankdata(values, axis=1) for values in (a, b)]
    x, y = (rank - rank.mean(1, keepdims=True) for rank in ranks)
    scale = np.sqrt((x**2).sum(1) * (y**2).sum(1))
    rho: Array = np.full(len(a), np.nan)
    np.divide((x * y).sum(1), scale, out=rho, where=scale > 0)
    return rho
