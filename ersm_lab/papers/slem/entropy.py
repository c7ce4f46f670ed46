"""Learning Entropy of a weight path, in numpy: the definition, and what the compiled engine is held against.

``dw_i(q)`` is the change of weight i at sample q, for order r the r-th difference of its path; windows are the M samples before
q. Direct: ``(|dw| - mean_M |dw|) / (std_M |dw| + 1e-10)`` per weight. Multiscale: the share of (weight, alpha) pairs with
``|dw| > alpha mean_M |dw|``. Both as ``padasip.detection.learning_entropy``, save that windows hold true differences
only: padasip's first ``order`` rows are the weights themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from ersm_lab.papers.slem.checks import Array, InputError, integer, sensitivities

EPS = 1e-10
_CHUNK = 1 << 21  # numbers held at once


def learning_entropy(
    weights: ArrayLike, window: int, order: int = 1, alphas: Sequence[float] | None = None
) -> Array:
    """Learning Entropy of a weight path: what any learner left behind, the reference for the compiled engine.

    weights ``(Q, n)``: row 0 the initial weights, row q + 1 those after sample q. window: M, at least 1. order: of the
    difference, at least 1. alphas: positive; None for the direct form.
    Returns ``(Q, n)`` for the direct form and ``(Q,)``, in [0, 1], for the multiscale one, float64; 0 before row
    ``window + order``. Raises ``ValueError`` (``InputError``) for settings out of range and for a path that is
    not finite.

    >>> path = np.cumsum([[0.0], [1.0], [1.0], [1.0], [9.0]], axis=0)
    >>> learning_entropy(path, window=2, alphas=[2, 4, 10]).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.6666666666666666]
    """
    path = np.asarray(weights, np.float64)
    window, order = integer("window", window, 1), integer("order", order, 1)
    levels = sensitivities(alphas)
    if path.ndim != 2:
        raise InputError(f"a weight path is (samples, weights), but this one has shape {path.shape}")
    if not np.isfinite(path).all():
        raise InputError(
            f"the weight path is not finite, first in row {int(np.argwhere(~np.isfinite(path))[0, 0])}"
        )
    length, count = path.shape
    result = np.zeros((length, count) if levels is None else length)
    first = window + order
    if length <= first:
        return result
    sizes = np.abs(np.diff(path, n=order, axis=0))  # row j belongs to row j + order of the path
    past = sliding_window_view(sizes, window, axis=0)[:-1]  # (rows from `first` on, n, M)
    step = max(1, _CHUNK // (window * max(count, 1)))
    for start in range(0, len(past), step):
        held, now = past[start : start + step], sizes[window + start : window + start + step]
        rows = slice(first + start, first + start + len(held))
        mean = held.mean(-1)
        if levels is None:
            result[rows] = (now - mean) / (held.std(-1) + EPS)
        else:
            hits = sum((now > level * mean).sum(1) for level in levels)
            result[rows] = hits / (count * len(levels))
    return result
