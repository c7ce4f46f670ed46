"""Learning Entropy of every pixel of an image, and of many images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ersm_lab.papers.slem.checks import Array, integer, luminance, sensitivities
from ersm_lab.papers.slem.engine import Engine, Maps, Settings


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
    pixels = luminance(image).astype(dtype)
    engine = Engine((pixels.shape[0], pixels.shape[1]), chosen, initial_weights)
    engine.pretrain(pixels)
    maps = engine.room_for_maps(epochs)
    for epoch in range(epochs):
        engine.sweep(pixels, Maps(*(map_[epoch] for map_ in maps)))
    return SLEMResult(*maps, engine.weights)


def spatial_learning_entropies(
    images: Iterable[Any], threads: int | None = None, **settings: Any
) -> Iterator[SLEMResult]:
    """``spatial_learning_entropy`` of many images, one per core at a time, in the order given.

    threads: as many as there are cores unless given; results do not depend on it. settings: of
    ``spatial_learning_entropy``, the same for all.
    """
    with ThreadPoolExecutor(integer("threads", threads or cores(), 1)) as pool:
        yield from pool.map(lambda image: spatial_learning_entropy(image, **settings), images)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
