"""The pixels of a map where Learning Entropy is largest."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ersm_lab.papers.slem.checks import InputError, integer, odd_window


def entropy_points(
    entropy: ArrayLike,
    window_size: int,
    quantile: float = 0.99,
    min_distance: int = 0,
    threshold: float | None = None,
) -> NDArray[np.int64]:
    """Pixels of large Learning Entropy: ``(P, 2)`` rows and columns in image coordinates, the largest first.

    entropy (h, w): a map. window_size: of the learner: the map's first pixel is the image's at ``window_size // 2``.
    A point is at least the ``quantile`` (in [0, 1]) of the map, or ``threshold`` where given, and above the map's
    minimum: a flat map has none. min_distance: above 0, of two points whose rows and columns both differ by no more
    than it only the larger stays, decided from the largest down (of equals, the first by rows).

    Raises ``ValueError`` (``InputError``) for other shapes and settings out of range.
    """
    values, half = np.asarray(entropy, np.float64), odd_window(window_size) // 2
    reach = integer("min_distance", min_distance, 0)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise InputError(f"a map is (h, w) and finite, but this one has shape {values.shape} or holds NaN")
    if not 0 <= quantile <= 1:
        raise InputError(f"quantile is {quantile!r}, but must lie in [0, 1]")
    least = np.quantile(values, quantile) if threshold is None else threshold
    found = np.argwhere((values >= least) & (values > values.min()))
    found = found[np.argsort(-values[tuple(found.T)], kind="stable")]
    return spaced(found, values.shape, reach) + half


def spaced(
    points: NDArray[np.int64], shape: tuple[int, ...], reach: int, count: int | None = None
) -> NDArray[np.int64]:
    """Non-maximum suppression: the first ``count`` (None: all) of ``points (P, 2)`` in ``shape`` that keep their distance.

    Of two points whose rows and columns both differ by no more than ``reach`` the later one goes; with 0 none does.
    """
    if not reach:
        return points[:count]
    taken = np.zeros(shape, bool)
    kept: list[tuple[int, int]] = []
    for row, column in points.tolist():
        if len(kept) == count:
            break
        if not taken[row, column]:
            kept.append((row, column))
            rows = slice(max(0, row - reach), row + reach + 1)
            taken[rows, max(0, column - reach) : column + reach + 1] = True
    return np.array(kept, np.int64).reshape(-1, 2)
