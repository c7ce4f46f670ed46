"""The compiled first phase: ordinary mini-batches of random windows, with Adam.

Every epoch visits each window once, in a new permutation; the loss is the batch's mean of e^2 / 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ersm_lab.papers.slem.engine import kernel
from ersm_lab.papers.slem.engine.lanes import LANES, fused, load, root, splat, store
from ersm_lab.papers.slem.engine.spans import span
from ersm_lab.papers.slem.engine.sweep import gather
from ersm_lab.papers.slem.engine.traversal import permuted


@njit(nogil=True, error_model="numpy")
def pretrain(
    scene: Any,
    held_learner: Any,
    epochs: int,
    batch: int,
    key: Any,
    constants: Any,
    gradient: Any,
    first: Any,
    second: Any,
) -> None:
    """``epochs`` over all windows; ``scene`` and ``held_learner`` as in ``sweep.sweep``.

    constants: step size, 1 - beta 1, 1 - beta 2, epsilon, and two to work in, in the weights' dtype. gradient,
    first, second ``(P,)``: room to work in.
    """
    net = kernel.learner_spans(held_learner)
    pixels, offsets, inputs = span(scene.pixels), span(scene.offsets), scene.offsets.shape[0]
    sums, adam, means, squares = span(gradient), span(constants), span(first), span(second)
    size = scene.height * scene.width
    first[:] = 0
    second[:] = 0
    steps = 0
    for epoch in range(epochs):
        epoch_key = key + np.uint64(epoch) * np.uint64(0xD1342543DE82EF95)
        for start in range(0, size, batch):
            count = min(batch, size - start)
            gradient[:] = 0
            for i in range(start, start + count):
                row, column = divmod(permuted(i, size, epoch_key), scene.width)
                base = row * scene.line + column
                gather(pixels, base, offsets, inputs, net.scalars)
                miss = pixels[base + scene.centre] - kernel.forward(net)
                kernel.backward(net)
                kernel.scale(net, miss)
                for group in range(net.groups):
                    at = group * LANES
                    store(sums, at, load(sums, at) + kernel.increment(net, group))
            steps += 1
            # bias correction of both moments, in the step size; sums point downhill already
            constants[4] = (
                adam[0] * np.sqrt(1.0 - (1.0 - adam[2]) ** steps) / (1.0 - (1.0 - adam[1]) ** steps)
            )
            constants[5] = 1.0 / count
            for group in range(net.groups):
                _adam(net.weights, group * LANES, sums, means, squares, adam)


@njit(nogil=True, error_model="numpy")
def _adam(weights: Any, at: int, sums: Any, means: Any, squares: Any, adam: Any) -> None:
    g = load(sums, at) * splat(adam[5])
    m, v = load(means, at), load(squares, at)
    m = fused(splat(adam[1]), g - m, m)
    v = fused(splat(adam[2]), g * g - v, v)
    store(means, at, m)
    store(squares, at, v)
    store(weights, at, load(weights, at) + splat(adam[4]) * m / (root(v) + splat(adam[3])))
