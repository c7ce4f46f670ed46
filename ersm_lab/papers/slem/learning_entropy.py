"""Learning Entropy of a weight path, of every pixel of an image, and the pixels where it is largest.

``dw_i(q)`` is the change of weight i at sample q, for order r the r-th difference of its path; windows are the M samples before
q. Direct: ``(|dw| - mean_M |dw|) / (std_M |dw| + 1e-10)`` per weight. Multiscale: the share of (weight, alpha) pairs with
``|dw| > alpha mean_M |dw|``. Both as ``padasip.detection.learning_entropy``, save that windows hold true differences
only: padasip's first ``order`` rows are the weights themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ersm_lab.papers.slem.checks import Array, InputError, integer, luminance, odd_window, sensitivities
from ersm_lab.papers.slem.engine import Engine, Settings

EPS = 1e-10
_CHUNK = 1 << 21  # numbers held at once


@dataclass(frozen=True)
class SLEMResult:
    """Maps on the grid of window centres, h = H - window_size + 1 and w likewise, one per epoch.

    entropy (E, h, w): Learning Entropy; 0 before sample ``memory + order - 1`` of each epoch. activity (E, h, w): sum
    of |dw| over all weights. error (E, h, w): e = y - f(x) before the step, signed. weights: at the end, shaped as
    ``initial_weights``.
    """

    entropy: Array
    activity: Array
    error: Array
    weights: tuple[Array, ...]


def learning_entropy(
    weights: Any, window: int, order: int = 1, alphas: Sequence[float] | None = None
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


def spatial_learning_entropy(
    image: Any,
    window_size: int = 5,
    hidden: int | Sequence[int] = 16,
    learning_rate: float = 0.05,
    pretrain_epochs: int | None = None,
    epochs: int = 1,
    memory: int = 30,
    order: int = 1,
    alphas: Sequence[float] | None = (2, 3, 4, 6, 8, 12),
    traversal: str = "raster",
    seed: int = 0,
    initial_weights: Sequence[Any] | None = None,
    dtype: str | None = None,
    **settings: Any,
) -> SLEMResult:
    """The Spatial Learning Entropy Map of an image (arXiv 2606.10170).

    An MLP with a linear output predicts the centre of each ``window_size`` x ``window_size`` window from its other pixels. It is
    pre-trained on mini-batches, then takes one gradient step on e^2 / 2 per pixel, in a fixed order, ``epochs`` times; a map
    is read off the weight increments of each epoch.

    image: (H, W), or (H, W, 3) of which the luminance is taken; uint8, uint16 or floats in [0, 1].
    hidden: units, or a sequence for several layers. learning_rate: of the sample-by-sample phase.
    pretrain_epochs: 5 unless given, 0 unless given with ``initial_weights``. memory: M, the pixels of a window of
    statistics. alphas: sensitivities of the multiscale form; None for the direct form.
    traversal: raster, serpentine, column, hilbert or random. seed: of fresh weights, mini-batches and the random traversal.
    initial_weights: ``(W1 (hidden, k * k - 1), b1 (hidden,), w2 (hidden,), b2 ())``, k * k - 1 pixels in raster order
    without the centre; W and b per layer for several.
    dtype: float32 or float64, of weights and results; that of ``initial_weights``, and float32 without them, unless given.
    settings: activation, step, aggregate, pretrain_rate, pretrain_batch, see ``engine.Settings``.

    Raises ``ValueError`` (``InputError``, one line) for bad settings or pixels, and where the learner diverges.
    """
    if pretrain_epochs is None:
        pretrain_epochs = 0 if initial_weights is not None else 5
    if dtype is None:
        double = initial_weights is not None and np.asarray(initial_weights[0]).dtype == np.float64
        dtype = "float64" if double else "float32"
    epochs = integer("epochs", epochs, 1)
    layers = (hidden,) if isinstance(hidden, (int, np.integer)) else tuple(hidden)
    levels = sensitivities(alphas)
    chosen = Settings(
        window_size=window_size,
        hidden=layers,
        learning_rate=learning_rate,
        pretrain_epochs=pretrain_epochs,
        memory=memory,
        order=order,
        alphas=None if levels is None else tuple(levels.tolist()),
        traversal=traversal,
        seed=seed,
        dtype=dtype,
        **settings,
    )
    pixels = luminance(image)
    engine = Engine((pixels.shape[0], pixels.shape[1]), chosen, initial_weights)
    engine.pretrain(pixels)
    maps = [engine.sweep(pixels) for _ in range(epochs)]
    entropy, activity, error = (np.stack(parts) for parts in zip(*maps, strict=True))
    return SLEMResult(entropy, activity, error, engine.weights)


def spatial_learning_entropies(
    images: Iterable[Any], threads: int | None = None, **settings: Any
) -> Iterator[SLEMResult]:
    """``spatial_learning_entropy`` of many images, one per core at a time, in the order given.

    threads: as many as there are cores unless given; results do not depend on it. settings: of
    ``spatial_learning_entropy``, the same for all.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ThreadPoolExecutor(integer("threads", threads or cores or 1, 1)) as pool:
        yield from pool.map(lambda image: spatial_learning_entropy(image, **settings), images)


def entropy_points(
    entropy: Any,
    window_size: int,
    quantile: float = 0.99,
    min_distance: int = 0,
    threshold: float | None = None,
) -> np.ndarray[Any, np.dtype[np.int64]]:
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
    if reach:
        taken = np.zeros(values.shape, bool)
        kept = []
        for row, column in found:
            if not taken[row, column]:
                kept.append((row, column))
                taken[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = (
                    True
                )
        found = np.array(kept, np.int64).reshape(-1, 2)
    return found + half
