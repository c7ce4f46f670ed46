"""The compiled first phase: ordinary mini-batches of random windows, with Adam.

Every epoch visits each window once, in a new permutation; the loss is the batch's mean of e^2 / 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ersm_lab.papers.slem import kernel
from ersm_lab.papers.slem.lanes import LANES, fused, load, root, splat, store
from ersm_lab.papers.slem.sweep import gather
from ersm_lab.papers.slem.traversal import permuted


@njit(nogil=True)
def pretrain(
    image: Any, line: int, height: int, width: int, offsets: Any, centre: int, layers: Any, scalar_of: Any,
    row_of: Any, scalars: Any, rows: Any, slopes: Any, live: Any, weights: Any, activation: int, epochs: int,
    batch: int, key: Any, adam: Any, gradient: Any, first: Any, second: Any, one: Any
) -> None:  # fmt: skip
    """``epochs`` over all windows; arguments as in ``sweep.sweep``.

    adam: step size, 1 - beta 1, 1 - beta 2, epsilon, in the weights' dtype. gradient, first, second ``(P,)``: room.
    """
    size = height * width
    first[:] = 0
    second[:] = 0
    steps = 0
    for epoch in range(epochs):
        epoch_key = key + np.uint64(epoch) * np.uint64(0xD1342543DE82EF95)
        for start in range(0, size, batch):
            count = min(batch, size - start)
            gradient[:] = 0
            for i in range(start, start + count):
                row, column = divmod(permuted(i, size, epoch_key), width)
                base = row * line + column
                gather(image, base, offsets, scalars)
                output = kernel.forward(weights, layers, scalars, rows, slopes, live, activation, one)
                kernel.backward(weights, layers, scalars, rows, slopes, one)
                miss = image[base + centre] - output
                kernel.scale(rows, layers, miss)
                scalars[scalars.shape[0] - LANES + 1] = miss
                for group in range(scalar_of.shape[0]):
                    at = group * LANES
                    step = kernel.increment(group, scalar_of, row_of, scalars, rows)
                    store(gradient, at, load(gradient, at) + step)
            steps += 1
            bias = np.sqrt(1.0 - (1.0 - adam[2]) ** steps) / (1.0 - (1.0 - adam[1]) ** steps)
            _adam(weights, gradient, first, second, adam, one * bias / one, one / count)


@njit(nogil=True)
def _adam(weights: Any, gradient: Any, first: Any, second: Any, adam: Any, bias: float, share: float) -> None:
    """Adam's step along ``share * gradient``, which points downhill already; ``bias`` corrects both moments."""
    constants = np.empty_like(adam)
    constants[0], constants[1] = adam[0] * bias, share
    rate, mean = splat(constants[0]), splat(constants[1])
    for at in range(0, weights.shape[0], LANES):
        g = load(gradient, at) * mean
        m, v = load(first, at), load(second, at)
        m = fused(splat(adam[1]), g - m, m)
        v = fused(splat(adam[2]), g * g - v, v)
        store(first, at, m)
        store(second, at, v)
        store(weights, at, load(weights, at) + rate * m / (root(v) + splat(adam[3])))
