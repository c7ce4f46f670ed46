"""How often each pair of labels meets: a confusion matrix of two 8-bit maps in one pass over their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_LANES = 4


def pair_counts(first: NDArray[np.uint8], second: NDArray[np.uint8], labels: int) -> NDArray[np.int64]:
    """``(labels, labels)`` counts of ``(first, second)`` over all pixels of two maps of one shape, values below ``labels``.

    >>> pair_counts(np.array([[0, 1, 1]], np.uint8), np.array([[0, 0, 1]], np.uint8), 2).tolist()
    [[1, 0], [1, 1]]
    """
    counts = _count(np.ascontiguousarray(first).reshape(-1), np.ascontiguousarray(second).reshape(-1), labels)
    found: NDArray[np.int64] = counts.sum(0).reshape(labels, labels)
    return found


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _count(first: Any, second: Any, labels: int) -> Any:
    """Four histograms in turn: neighbouring pixels are alike, and adding to one place waits for the addition before."""
    counts = np.zeros((_LANES, labels * labels), dtype=np.int64)
    whole = len(first) // _LANES * _LANES
    for start in range(0, whole, _LANES):
        for lane in range(_LANES):
            counts[lane, first[start + lane] * labels + second[start + lane]] += 1
    for pixel in range(whole, len(first)):
        counts[0, first[pixel] * labels + second[pixel]] += 1
    return counts
