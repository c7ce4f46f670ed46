"""What the compiled engine computes, in plain numpy: its functions under the same names, as one would define them.

The twin of ``kernel``, ``activations``, ``sweep`` and ``pretrain``. No lanes, no padding, no flat arrays, no room to work in: weights are a
list as ``Network.shapes`` has them (W ``(units, inputs)`` and b per hidden layer, then w and b), and a window of statistics is
the last M rows of a list. Tests hold the compiled engine to this, which takes a thousand times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ersm_lab.papers.slem.checks import Array
from ersm_lab.papers.slem.engine.learner import Maps
from ersm_lab.papers.slem.engine.plain_traversal import permuted, visits
from ersm_lab.papers.slem.engine.traversal import key_of
from ersm_lab.papers.slem.schema import LearnerSettings

Weights = list[Array]


def activate(kind: str, z: Array) -> tuple[Array, Array]:
    """An activation and its derivative."""
    if kind == "tanh":
        return np.tanh(z), 1 - np.tanh(z) ** 2
    if kind == "relu":
        return np.maximum(z, 0), (z > 0).astype(z.dtype)
    value = 1 / (1 + np.exp(-z))
    return value, value * (1 - value)


def forward(weights: Weights, inputs: Array, activation: str) -> tuple[Array, list[Array], list[Array]]:
    """The output ``()``, what every layer is given, and the slopes of every hidden layer."""
    given, slopes = [inputs], []
    for matrix, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        value, slope = activate(activation, matrix @ given[-1] + bias)
        given.append(value)
        slopes.append(slope)
    return weights[-2] @ given[-1] + weights[-1], given, slopes


def backward(weights: Weights, given: Sequence[Array], slopes: Sequence[Array]) -> Weights:
    """d output / d weights, shaped as the weights."""
    gradient = [given[-1], np.ones_like(weights[-1])]
    delta = slopes[-1] * weights[-2]
    for layer in range(len(slopes) - 1, -1, -1):
        gradient = [np.outer(delta, given[layer]), delta, *gradient]
        if layer:
            delta = slopes[layer - 1] * (weights[2 * layer].T @ delta)
    return gradient


def squared_gradient(gradient: Weights) -> float:
    """|d output / d weights|^2 over all weights."""
    return float(sum(np.square(part).sum() for part in gradient))


def gather(image: Array, place: tuple[int, int], k: int) -> tuple[Array, Array]:
    """The window that starts at a pixel (row, column): its pixels in raster order without the centre, and the centre."""
    row, column = place
    window = image[row : row + k, column : column + k].ravel()
    return np.delete(window, k * k // 2), window[k * k // 2]


def difference(increments: Sequence[Array], order: int) -> Array:
    """|the ``order``-th difference of the weight path|, which is the one before of its increments; at its end."""
    found: Array = np.abs(np.diff(increments[-order:], n=order - 1, axis=0)[-1])
    return found


def step_direct(size: Array, window: Array) -> float:
    """The sum over weights of (|dw| - mean) / (std + 1e-10), mean and std of the window ``(M, weights)``."""
    return float(((size - window.mean(0)) / (window.std(0) + 1e-10)).sum())


def step_multiscale(size: Array, window: Array, alphas: Sequence[float]) -> float:
    """How many (weight, alpha) pairs have |dw| > alpha mean(|dw|), over the number of alphas."""
    return float(np.mean([(size > alpha * window.mean(0)).sum() for alpha in alphas]))


def sweep(image: Array, weights: Weights, settings: LearnerSettings) -> tuple[Maps, Weights]:
    """One epoch over the windows of ``image`` (H, W), a gradient step each: maps ``(h, w)``, and the weights at its end."""
    k, memory, order = settings.window_size, settings.memory, settings.order
    height, width = (side - k + 1 for side in image.shape)
    maps = Maps(*(np.zeros((height, width)) for _ in range(3)))
    increments: list[Array] = []
    sizes: list[Array] = []
    for place in visits(settings.traversal, height, width, settings.seed):
        inputs, centre = gather(image, place, k)
        output, given, slopes = forward(weights, inputs, settings.activation)
        gradient, error = backward(weights, given, slopes), centre - output
        factor = settings.learning_rate * error
        if settings.step == "normalised":
            factor = factor / squared_gradient(gradient)
        weights = [weight + factor * part for weight, part in zip(weights, gradient, strict=True)]
        increments.append(np.concatenate([factor * np.ravel(part) for part in gradient]))
        maps.error[place], maps.activity[place] = error, np.abs(increments[-1]).sum()
        if len(increments) < order:
            continue
        size, window = difference(increments, order), np.array(sizes[-memory:], np.float64)
        if len(sizes) >= memory:
            share = 1 / len(size) if settings.aggregate == "mean" else 1.0
            alphas = settings.alphas
            score = step_direct(size, window) if alphas is None else step_multiscale(size, window, alphas)
            maps.entropy[place] = share * score
        sizes.append(size)
    return maps, weights


def pretrain(image: Array, weights: Weights, settings: LearnerSettings) -> Weights:
    """Mini-batches of all windows, permuted anew in every epoch, with Adam; the weights at the end."""
    k, size = settings.window_size, settings.pretrain_batch
    height, width = (side - k + 1 for side in image.shape)
    first, second = ([np.zeros_like(weight) for weight in weights] for _ in range(2))
    steps = 0
    for epoch in range(settings.pretrain_epochs):
        key = int(key_of(settings.seed, 1)) + epoch * 0xD1342543DE82EF95
        order = [divmod(permuted(i, height * width, key), width) for i in range(height * width)]
        for start in range(0, len(order), size):
            batch, steps = order[start : start + size], steps + 1
            sums = [np.zeros_like(weight) for weight in weights]  # of -d (e^2 / 2) / d weights
            for place in batch:
                inputs, centre = gather(image, place, k)
                output, given, slopes = forward(weights, inputs, settings.activation)
                gradient = backward(weights, given, slopes)
                sums = [sum_ + (centre - output) * part for sum_, part in zip(sums, gradient, strict=True)]
            downhill = [sum_ / len(batch) for sum_ in sums]
            first = [m + 0.1 * (g - m) for m, g in zip(first, downhill, strict=True)]
            second = [v + 0.001 * (g * g - v) for v, g in zip(second, downhill, strict=True)]
            rate = settings.pretrain_rate * np.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
            moves = [rate * m / (np.sqrt(v) + 1e-8) for m, v in zip(first, second, strict=True)]
            weights = [weight + move for weight, move in zip(weights, moves, strict=True)]
    return weights
