"""The compiled inner loops: forward, backward, step, windowed statistics and Learning Entropy of one sample after another.

**Windows without subtraction.** Samples are cut into blocks of M. At position p of a block the window of the last M samples
is the previous block from p on and the current one before p. When a block ends, it is replaced in place by the
statistics of each of its tails; while the next one runs, slot p is read as a tail once and then holds sample p. So the
ring of increments is also the store of tails, and a window is one tail merged with a running head. Nothing
is ever taken away from a sum: what left the window leaves no rounding behind, however much larger it was.
Variances merge in the same way (means and squared deviations of both parts, in float64).

Arrays are flat as ``network.Network`` lays them out: P weights in groups of 16.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from ersm_lab.papers.slem.activations import activate
from ersm_lab.papers.slem.lanes import (
    LANES,
    count_above,
    fused,
    load,
    magnitude,
    narrow,
    root,
    splat,
    store,
    total,
    widen,
)


@njit(nogil=True)
def forward(
    weights: Any, layers: Any, scalars: Any, rows: Any, slopes: Any, live: Any, activation: int, one: Any
) -> Any:
    """The output; leaves activations in ``scalars`` (the last layer's in ``rows``) and their derivatives in ``slopes``."""
    depth = layers.shape[0]
    output = splat(one - one)
    for layer in range(depth):
        inputs, groups, start = layers[layer, 0], layers[layer, 1], layers[layer, 2]
        source, row = layers[layer, 3], layers[layer, 4]
        stride = groups * LANES
        for group in range(groups):
            at = start + group * LANES
            # four sums, so that one product need not wait for the one before
            a = load(weights, at + inputs * stride)
            b = c = d = splat(one - one)
            i = 0
            while i + 4 <= inputs:
                a = fused(splat(scalars[source + i]), load(weights, at), a)
                b = fused(splat(scalars[source + i + 1]), load(weights, at + stride), b)
                c = fused(splat(scalars[source + i + 2]), load(weights, at + 2 * stride), c)
                d = fused(splat(scalars[source + i + 3]), load(weights, at + 3 * stride), d)
                at += 4 * stride
                i += 4
            while i < inputs:
                a = fused(splat(scalars[source + i]), load(weights, at), a)
                at += stride
                i += 1
            value, slope = activate(activation, (a + b) + (c + d), one)
            at = row + group * LANES
            if activation == 2:  # of the padding too sigmoid makes a half
                value = value * load(live, at)
            store(slopes, at, slope)
            if layer == depth - 1:
                store(rows, at + stride, value)
                outgoing = weights.shape[0] - stride - LANES + group * LANES
                output = fused(value, load(weights, outgoing), output)
            else:
                store(scalars, layers[layer + 1, 3] + group * LANES, value)
    return total(output) + weights[weights.shape[0] - LANES]


@njit(nogil=True)
def backward(weights: Any, layers: Any, scalars: Any, rows: Any, slopes: Any, one: Any) -> Any:
    """Writes d output / d z of every unit to ``rows``."""
    depth = layers.shape[0]
    groups, row = layers[depth - 1, 1], layers[depth - 1, 4]
    outgoing = weights.shape[0] - groups * LANES - LANES
    for group in range(groups):
        at = row + group * LANES
        store(rows, at, load(slopes, at) * load(weights, outgoing + group * LANES))
    for layer in range(depth - 2, -1, -1):
        above, start, above_row = layers[layer + 1, 1], layers[layer + 1, 2], layers[layer + 1, 4]
        row = layers[layer, 4]
        for i in range(layers[layer, 1] * LANES):
            rows[row + i] = one - one
        for i in range(layers[layer + 1, 0]):
            back = splat(one - one)
            for group in range(above):
                at = start + (i * above + group) * LANES
                back = fused(load(weights, at), load(rows, above_row + group * LANES), back)
            rows[row + i] = slopes[row + i] * total(back)


@njit(nogil=True)
def squared_gradient(layers: Any, scalars: Any, rows: Any, one: Any) -> Any:
    """|d output / d weights|^2 over all weights, at least 1 (the output's bias)."""
    result = one
    for layer in range(layers.shape[0]):
        inputs, groups, source, row = layers[layer, 0], layers[layer, 1], layers[layer, 3], layers[layer, 4]
        squares = splat(one - one)
        at = source
        while at < source + inputs:  # the padding is zero
            x = load(scalars, at)
            squares = fused(x, x, squares)
            at += LANES
        deltas = splat(one - one)
        for group in range(groups):
            delta = load(rows, row + group * LANES)
            deltas = fused(delta, delta, deltas)
        result += (total(squares) + one) * total(deltas)
        if layer == layers.shape[0] - 1:
            outer = splat(one - one)
            for group in range(groups):
                value = load(rows, row + (groups + group) * LANES)
                outer = fused(value, value, outer)
            result += total(outer)
    return result


@njit(nogil=True)
def scale(rows: Any, layers: Any, factor: Any) -> None:
    """Turns derivatives of the output into steps: times ``factor`` (step size times error)."""
    last = layers.shape[0] - 1
    at, end = 0, layers[last, 4] + layers[last, 1] * LANES
    while at < end:
        store(rows, at, load(rows, at) * splat(factor))
        at += LANES


@njit(nogil=True, inline="always")
def increment(group: int, scalar_of: Any, row_of: Any, scalars: Any, rows: Any) -> Any:
    """The 16 increments of a group of weights."""
    return splat(scalars[scalar_of[group]]) * load(rows, row_of[group])


@njit(nogil=True, inline="always")
def differenced(d: Any, order: int, previous: Any, at: int) -> Any:
    """The ``order``-th difference of the weight path, from the increment and the differences one sample ago."""
    for k in range(order - 1):
        held = load(previous, k * (previous.shape[0] // (order - 1)) + at)
        store(previous, k * (previous.shape[0] // (order - 1)) + at, d)
        d = d - held
    return magnitude(d)


@njit(nogil=True)
def step_multiscale(
    weights: Any, scalar_of: Any, row_of: Any, scalars: Any, rows: Any, order: int, previous: Any, ring: Any,
    slot: int, head: Any, mode: int, sensitivities: Any, one: Any
) -> Any:  # fmt: skip
    """One step of all weights: (how many (weight, sensitivity) pairs exceed, sum of |dw|).

    mode: 0 before the first difference of this order exists, 1 while the first window fills, 2 from then on.
    sensitivities: ascending, each divided by M, as windows are kept as sums.
    """
    active = splat(one - one)
    exceeding = 0
    base = slot * weights.shape[0]
    for group in range(scalar_of.shape[0]):
        at = group * LANES
        d = increment(group, scalar_of, row_of, scalars, rows)
        store(weights, at, load(weights, at) + d)
        size = magnitude(d)
        active = active + size
        if order > 1:
            size = differenced(d, order, previous, at)
        if mode > 0:
            sums = load(head, at)
            if mode == 2:
                window = sums + load(ring, base + at)
                for k in range(sensitivities.shape[0]):
                    count = count_above(size, window * splat(sensitivities[k]))
                    if count == 0:
                        break  # nor any larger one
                    exceeding += count
            store(head, at, sums + size)
            store(ring, base + at, size)
    return one * exceeding, total(active)


@njit(nogil=True)
def tails_multiscale(ring: Any, memory: int, head: Any) -> None:
    """Ends a block: slot p becomes the sum of slots p to M - 1, the head starts again."""
    padded = head.shape[0]
    at = 0
    while at < padded:
        sums = load(ring, (memory - 1) * padded + at)
        for slot in range(memory - 2, -1, -1):
            sums = sums + load(ring, slot * padded + at)
            store(ring, slot * padded + at, sums)
        store(head, at, sums - sums)
        at += LANES


@njit(nogil=True)
def step_direct(
    weights: Any, scalar_of: Any, row_of: Any, scalars: Any, rows: Any, order: int, previous: Any, ring: Any,
    slot: int, head_mean: Any, mode: int, spreads: Any, head_spread: Any, memory: int, one: Any, tiny: Any
) -> Any:  # fmt: skip
    """One step of all weights: (sum of (|dw| - mean) / (std + 1e-10), sum of |dw|), windows as in ``step_multiscale``.

    ring and spreads: means and sums of squared deviations of the tails; head_mean, head_spread: of the head, float64. tiny: 1e-10.
    """
    active = scores = splat(one - one)
    base = slot * weights.shape[0]
    head_share = splat(slot / memory)  # float64, as everything that a variance is made of
    between = splat(slot * (memory - slot) / memory)
    per_sample = splat(1.0 / memory)
    grown = splat(1.0 / (slot + 1))
    for group in range(scalar_of.shape[0]):
        at = group * LANES
        d = increment(group, scalar_of, row_of, scalars, rows)
        store(weights, at, load(weights, at) + d)
        size = magnitude(d)
        active = active + size
        if order > 1:
            size = differenced(d, order, previous, at)
        if mode > 0:
            wide = widen(size)
            mean, spread = load(head_mean, at), load(head_spread, at)
            if mode == 2:
                tail = widen(load(ring, base + at))
                gap = mean - tail
                within = widen(load(spreads, base + at)) + spread
                variance = narrow(fused(gap * gap, between, within) * per_sample, one)
                over = narrow(wide - fused(gap, head_share, tail), one)
                scores = scores + over / (root(variance) + splat(tiny))
            off = wide - mean
            mean = fused(off, grown, mean)
            store(head_mean, at, mean)
            store(head_spread, at, fused(off, wide - mean, spread))
            store(ring, base + at, size)
    return total(scores), total(active)


@njit(nogil=True)
def tails_direct(ring: Any, spreads: Any, memory: int, head_mean: Any, head_spread: Any) -> None:
    """Ends a block: slot p becomes mean and squared deviations of slots p to M - 1, the head starts again."""
    padded = head_mean.shape[0]
    at = 0
    while at < padded:
        mean = widen(load(ring, at))
        spread = mean - mean
        for slot in range(memory - 1, -1, -1):
            value = widen(load(ring, slot * padded + at))
            if slot == memory - 1:
                mean = value
            off = value - mean
            mean = fused(off, splat(1.0 / (memory - slot)), mean)
            spread = fused(off, value - mean, spread)
            store(ring, slot * padded + at, mean)
            store(spreads, slot * padded + at, spread)
        store(head_mean, at, spread - spread)
        store(head_spread, at, spread - spread)
        at += LANES
