"""The compiled inner loops: forward, backward, step, windowed statistics and Learning Entropy of one sample.

**Windows without subtraction.** Samples are cut into blocks of M. At position p of a block the window of the last M samples
is the previous block from p on and the current one before p. When a block ends, it is replaced in place by the
statistics of each of its tails; while the next one runs, slot p is read as a tail once and then holds sample p. So the
ring of increments is also the store of tails, and a window is one tail merged with a running head. Nothing
is ever taken away from a sum: what left the window leaves no rounding behind, however much larger it was.
Variances merge in the same way (means and squared deviations of both parts, in float64).

Arrays are flat as ``network.Network`` lays them out, P weights in groups of 16, and handed over as ``Span``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import njit

from ersm_lab.papers.slem.engine.activations import activate
from ersm_lab.papers.slem.engine.lanes import (
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
from ersm_lab.papers.slem.engine.spans import span


class Learner(NamedTuple):
    """A network at work: arrays of ``network.Network``; floats in the weights' dtype, whose 1 is ``one``.

    depth: hidden layers. groups: P / 16. outgoing: where the output's weights start. last: where its delta stands
    among the scalars. activation: number in ``schema.ACTIVATIONS``.
    """

    layers: Any
    depth: Any
    scalar_of: Any
    row_of: Any
    groups: Any
    outgoing: Any
    last: Any
    scalars: Any
    rows: Any
    slopes: Any
    live: Any
    weights: Any
    activation: Any
    one: Any


class Windows(NamedTuple):
    """Room for statistics, and what they are: ``previous ((order - 1) P,)``, ``ring (memory P,)``, head ``(P,)``.

    spreads ``(memory P,)``, head_mean and head_spread ``(P,)``, float64: of the direct form. inverse: 1 / n up to M, float64. sensitivities: ascending,
    each divided by M, as windows are kept as sums; ``levels`` of them, none for the direct form. tiny: 1e-10.
    """

    order: Any
    memory: Any
    previous: Any
    ring: Any
    head: Any
    spreads: Any
    head_mean: Any
    head_spread: Any
    inverse: Any
    sensitivities: Any
    levels: Any
    tiny: Any


@njit(nogil=True, error_model="numpy")
def learner_spans(a: Any) -> Any:
    """The learner with spans for arrays, which the caller keeps."""
    return Learner(
        *(span(a.layers), a.depth, span(a.scalar_of), span(a.row_of), a.groups, a.outgoing, a.last),
        *(span(a.scalars), span(a.rows), span(a.slopes), span(a.live), span(a.weights), a.activation, a.one),
    )


@njit(nogil=True, error_model="numpy")
def window_spans(a: Any) -> Any:
    """The statistics with spans for arrays, which the caller keeps."""
    return Windows(
        *(a.order, a.memory, span(a.previous), span(a.ring), span(a.head), span(a.spreads)),
        *(span(a.head_mean), span(a.head_spread), span(a.inverse), span(a.sensitivities), a.levels, a.tiny),
    )


@njit(nogil=True, error_model="numpy")
def forward(net: Any) -> Any:
    """The output; leaves activations in ``scalars`` (the last layer's in ``rows``) and derivatives in ``slopes``."""
    weights, scalars, layers, one = net.weights, net.scalars, net.layers, net.one
    output = splat(one - one)
    for layer in range(net.depth):
        inputs, groups, start = layers[5 * layer], layers[5 * layer + 1], layers[5 * layer + 2]
        source, row = layers[5 * layer + 3], layers[5 * layer + 4]
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
            value, slope = activate(net.activation, (a + b) + (c + d), one)
            at = row + group * LANES
            if net.activation == 2:  # of the padding too sigmoid makes a half
                value = value * load(net.live, at)
            store(net.slopes, at, slope)
            if layer == net.depth - 1:
                store(net.rows, at + stride, value)
                output = fused(value, load(weights, net.outgoing + group * LANES), output)
            else:
                store(scalars, layers[5 * layer + 8] + group * LANES, value)
    return total(output) + weights[(net.groups - 1) * LANES]


@njit(nogil=True, error_model="numpy")
def backward(net: Any) -> None:
    """Writes d output / d z of every unit to ``rows``."""
    weights, rows, layers, zero = net.weights, net.rows, net.layers, net.one - net.one
    last = 5 * (net.depth - 1)
    for group in range(layers[last + 1]):
        at = layers[last + 4] + group * LANES
        store(rows, at, load(net.slopes, at) * load(weights, net.outgoing + group * LANES))
    for layer in range(net.depth - 2, -1, -1):
        row, above = layers[5 * layer + 4], 5 * layer + 5
        for i in range(layers[5 * layer + 1] * LANES):
            rows[row + i] = zero
        for i in range(layers[above]):
            back = splat(zero)
            for group in range(layers[above + 1]):
                at = layers[above + 2] + (i * layers[above + 1] + group) * LANES
                back = fused(load(weights, at), load(rows, layers[above + 4] + group * LANES), back)
            rows[row + i] = net.slopes[row + i] * total(back)


@njit(nogil=True, error_model="numpy")
def squared(values: Any, start: int, count: int, zero: Any) -> Any:
    """The sum of squares of ``count`` values, rounded up to whole groups: padding is zero."""
    result = splat(zero)
    for at in range(start, start + count, LANES):
        value = load(values, at)
        result = fused(value, value, result)
    return total(result)


@njit(nogil=True, error_model="numpy")
def squared_gradient(net: Any) -> Any:
    """|d output / d weights|^2 over all weights, at least 1 (the output's bias)."""
    layers, one = net.layers, net.one
    result = one
    for layer in range(net.depth):
        units, row = layers[5 * layer + 1] * LANES, layers[5 * layer + 4]
        inputs = squared(net.scalars, layers[5 * layer + 3], layers[5 * layer], one - one)
        result += (inputs + one) * squared(net.rows, row, units, one - one)
        if layer == net.depth - 1:
            result += squared(net.rows, row + units, units, one - one)
    return result


@njit(nogil=True, error_model="numpy")
def scale(net: Any, factor: Any) -> None:
    """Turns derivatives of the output into steps: times ``factor`` (step size times error)."""
    last = 5 * (net.depth - 1)
    for at in range(0, net.layers[last + 4] + net.layers[last + 1] * LANES, LANES):
        store(net.rows, at, load(net.rows, at) * splat(factor))
    net.scalars[net.last] = factor


@njit(nogil=True, error_model="numpy")
def increment(net: Any, group: int) -> Any:
    """The 16 increments of a group of weights."""
    return splat(net.scalars[net.scalar_of[group]]) * load(net.rows, net.row_of[group])


@njit(nogil=True, error_model="numpy")
def difference(d: Any, order: int, previous: Any, padded: int, at: int) -> Any:
    """The ``order``-th difference of the weight path, from the increment and the differences one sample ago."""
    for k in range(order - 1):
        held = load(previous, k * padded + at)
        store(previous, k * padded + at, d)
        d = d - held
    return magnitude(d)


@njit(nogil=True, error_model="numpy")
def step_multiscale(net: Any, windows: Any, slot: int, mode: int) -> Any:
    """One step of all weights: (how many (weight, sensitivity) pairs exceed, sum of |dw|).

    mode: 0 before the first difference of this order exists, 1 while the first window fills, 2 from then on.
    """
    active = splat(net.one - net.one)
    exceeding = 0
    padded = net.groups * LANES
    base = slot * padded
    for group in range(net.groups):
        at = group * LANES
        d = increment(net, group)
        store(net.weights, at, load(net.weights, at) + d)
        size = magnitude(d)
        active = active + size
        if windows.order > 1:
            size = difference(d, windows.order, windows.previous, padded, at)
        if mode > 0:
            sums = load(windows.head, at)
            if mode == 2:
                window = sums + load(windows.ring, base + at)
                for k in range(windows.levels):
                    count = count_above(size, window * splat(windows.sensitivities[k]))
                    if count == 0:
                        break  # nor any larger one
                    exceeding += count
            store(windows.head, at, sums + size)
            store(windows.ring, base + at, size)
    return net.one * exceeding, total(active)


@njit(nogil=True, error_model="numpy")
def tails_multiscale(windows: Any, padded: int, one: Any) -> None:
    """Ends a block: slot p becomes the sum of slots p to M - 1, the head starts again."""
    ring = windows.ring
    for at in range(
        (windows.memory - 1) * padded - LANES, -1, -LANES
    ):  # backwards through memory, without a leap
        store(ring, at, load(ring, at) + load(ring, at + padded))
    for at in range(0, padded, LANES):
        store(windows.head, at, splat(one - one))


@njit(nogil=True, error_model="numpy")
def step_direct(net: Any, windows: Any, slot: int, mode: int) -> Any:
    """One step of all weights: (sum of (|dw| - mean) / (std + 1e-10), sum of |dw|); mode as in ``step_multiscale``.

    ring and spreads hold means and sums of squared deviations of the tails; all but the last division is float64.
    """
    active = scores = splat(net.one - net.one)
    padded, memory = net.groups * LANES, windows.memory
    base = slot * padded
    head_share = splat(slot / memory)
    between = splat(slot * (memory - slot) / memory)
    per_sample, grown = splat(windows.inverse[memory]), splat(windows.inverse[slot + 1])
    for group in range(net.groups):
        at = group * LANES
        d = increment(net, group)
        store(net.weights, at, load(net.weights, at) + d)
        size = magnitude(d)
        active = active + size
        if windows.order > 1:
            size = difference(d, windows.order, windows.previous, padded, at)
        if mode > 0:
            wide = widen(size)
            mean, spread = load(windows.head_mean, at), load(windows.head_spread, at)
            if mode == 2:
                tail = widen(load(windows.ring, base + at))
                gap = mean - tail
                within = widen(load(windows.spreads, base + at)) + spread
                variance = narrow(fused(gap * gap, between, within) * per_sample, net.one)
                over = narrow(wide - fused(gap, head_share, tail), net.one)
                scores = scores + over / (root(variance) + splat(windows.tiny))
            off = wide - mean
            mean = fused(off, grown, mean)
            store(windows.head_mean, at, mean)
            store(windows.head_spread, at, fused(off, wide - mean, spread))
            store(windows.ring, base + at, size)
    return total(scores), total(active)


@njit(nogil=True, error_model="numpy")
def tails_direct(windows: Any, padded: int) -> None:
    """Ends a block: slot p becomes mean and squared deviations of slots p to M - 1, the head starts again."""
    ring, memory = windows.ring, windows.memory
    for at in range(0, padded, LANES):
        mean = widen(load(ring, (memory - 1) * padded + at))
        spread = mean - mean
        store(windows.head_mean, at, spread)
        store(windows.head_spread, at, spread)
        store(windows.spreads, (memory - 1) * padded + at, spread)
        for slot in range(memory - 2, -1, -1):
            value = widen(load(ring, slot * padded + at))
            off = value - mean
            mean = fused(off, splat(windows.inverse[memory - slot]), mean)
            spread = fused(off, value - mean, spread)
            store(ring, slot * padded + at, mean)
            store(windows.spreads, slot * padded + at, spread)
