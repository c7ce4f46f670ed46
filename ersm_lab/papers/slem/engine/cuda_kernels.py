"""The kernels of the CUDA engine, in Triton: a program learns one image.

A program holds its image's weights in registers and takes the same steps, in the same order, as the compiled engine; windows are
blocks and tails as ``kernel.py`` describes them, in a scratch of M tiles per image. Only sums over a tile are taken in another
order, so that results are the compiled engine's to rounding. A tile is the padded hidden layer ``(H, P)``, whose last used
column is the bias, behind it the output's weights ``(H,)``, and behind them its bias.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _activate(z, live, ACTIVATION: tl.constexpr):  # type: ignore[no-untyped-def]
    """Activations and their derivatives; 0 for padding."""
    if ACTIVATION == 0:
        a = 2.0 / (1.0 + tl.exp(-2.0 * z)) - 1.0
        slope = 1.0 - a * a
    elif ACTIVATION == 1:
        a = tl.maximum(z, 0.0)
        slope = tl.where(z > 0, 1.0, 0.0).to(z.dtype)
    else:
        a = 1.0 / (1.0 + tl.exp(-z))
        slope = a * (1.0 - a)
    return tl.where(live, a, 0.0), tl.where(live, slope, 0.0)


@triton.jit
def _forward(pixels, start, centre, offsets, bias, w1, w2, b2, live, ACTIVATION: tl.constexpr):  # type: ignore[no-untyped-def]
    """Inputs with a 1 for the bias ``(P,)``, activations ``(H,)``, derivatives of the output by units ``(H,)``, and the error."""
    x = tl.load(pixels + start + tl.maximum(offsets, 0), mask=offsets >= 0, other=0.0) + bias
    a, slope = _activate(tl.sum(w1 * x[None, :], 1), live, ACTIVATION)
    miss = tl.load(pixels + start + centre) - tl.sum(w2 * a, 0) - b2
    return x, a, w2 * slope, miss


@triton.jit
def pretrain(  # type: ignore[no-untyped-def]
    images,
    starts,
    w1s,
    w2s,
    b2s,
    offset,
    scalars,
    image_size,
    samples,
    epochs,
    batch,
    centre,
    inputs,
    hidden,
    H: tl.constexpr,
    P: tl.constexpr,
    ACTIVATION: tl.constexpr,
):
    """``epochs`` of mini-batches over the windows that begin at ``starts (epochs * samples,)``, with Adam, one image a program.

    w1s ``(images, H, P)``, w2s ``(images, H)``, b2s ``(images,)``: weights, in and out. scalars: the step size.
    """
    program = tl.program_id(0).to(tl.int64)
    pixels = images + program * image_size
    units, places = tl.arange(0, H), tl.arange(0, P)
    tile = units[:, None] * P + places[None, :]
    offsets, live = tl.load(offset + places), units < hidden
    w1 = tl.load(w1s + program * H * P + tile)
    w2, b2 = tl.load(w2s + program * H + units), tl.load(b2s + program)
    bias = tl.where(places == inputs, 1.0, 0.0).to(w1.dtype)
    m1, v1, m2, v2, mb, vb = w1 * 0, w1 * 0, w2 * 0, w2 * 0, b2 * 0, b2 * 0
    rate = tl.load(scalars)
    first, second = b2 * 0 + 1.0, b2 * 0 + 1.0  # powers of Adam's decays
    for epoch in range(epochs):
        for begin in range(0, samples, batch):
            g1, g2, gb = w1 * 0, w2 * 0, b2 * 0
            count = tl.minimum(batch, samples - begin)
            for i in range(count):
                start = tl.load(starts + epoch * samples + begin + i)
                x, a, delta, miss = _forward(
                    pixels, start, centre, offsets, bias, w1, w2, b2, live, ACTIVATION
                )
                g1 += (miss * delta)[:, None] * x[None, :]
                g2 += miss * a
                gb += miss
            first, second = first * 0.9, second * 0.999
            size = rate * tl.sqrt(1.0 - second) / (1.0 - first)
            g1, g2, gb = g1 / count, g2 / count, gb / count
            m1, m2, mb = m1 + 0.1 * (g1 - m1), m2 + 0.1 * (g2 - m2), mb + 0.1 * (gb - mb)
            v1, v2, vb = v1 + 0.001 * (g1 * g1 - v1), v2 + 0.001 * (g2 * g2 - v2), vb + 0.001 * (gb * gb - vb)
            w1 += size * m1 / (tl.sqrt(v1) + 1e-8)
            w2 += size * m2 / (tl.sqrt(v2) + 1e-8)
            b2 += size * mb / (tl.sqrt(vb) + 1e-8)
    tl.store(w1s + program * H * P + tile, w1)
    tl.store(w2s + program * H + units, w2)
    tl.store(b2s + program, b2)


@triton.jit
def _window(  # type: ignore[no-untyped-def]
    step,
    at,
    mask,
    rings,
    spreads,
    previous,
    slot,
    mode,
    head,
    mean,
    spread,
    levels,
    MEMORY: tl.constexpr,
    ORDER: tl.constexpr,
    LEVELS: tl.constexpr,
    TILE: tl.constexpr,
):
    """What the increments ``step`` of some weights score against their windows, and the windows with them in it.

    at: places of these weights in a tile of the scratch. mode: 0 no difference of this order yet, 1 the first block, 2 full windows.
    """
    for o in tl.static_range(ORDER - 1):
        held = tl.load(previous + o * TILE + at, mask=mask, other=0.0)
        tl.store(previous + o * TILE + at, step, mask=mask)
        step = step - held
    size = tl.where(mask, tl.abs(step), 0.0)
    score = size * 0
    if mode == 2:
        tail = tl.load(rings + slot * TILE + at, mask=mask, other=0.0)
        if LEVELS > 0:
            total = tail + head
            for level in tl.static_range(LEVELS):
                score += tl.where(size > tl.load(levels + level) * total, 1.0, 0.0)
        else:
            n_tail, n_head = (MEMORY - slot) * 1.0, slot * 1.0
            tail_mean = tail.to(tl.float64) / n_tail
            gap = mean - tail_mean
            both = tail_mean + gap * (n_head / MEMORY)
            squares = (
                tl.load(spreads + slot * TILE + at, mask=mask, other=0.0)
                + spread
                + gap * gap * (n_tail * n_head / MEMORY)
            )
            deviation = tl.sqrt(squares / MEMORY).to(size.dtype)
            score = tl.where(mask, (size - both.to(size.dtype)) / (deviation + 1e-10), 0.0)
    if mode > 0:
        tl.store(rings + slot * TILE + at, size, mask=mask)
        head += size
        if LEVELS == 0:
            gap = size.to(tl.float64) - mean
            mean += gap / (slot + 1)
            spread += gap * (size.to(tl.float64) - mean)
    return score, head, mean, spread


@triton.jit
def _tails(at, mask, rings, spreads, MEMORY: tl.constexpr, LEVELS: tl.constexpr, TILE: tl.constexpr):  # type: ignore[no-untyped-def]
    """A full block in place of the statistics of each of its tails."""
    total = tl.load(rings + at, mask=mask, other=0.0) * 0
    mean, spread = total.to(tl.float64), total.to(tl.float64)
    for back in range(MEMORY):
        slot = MEMORY - 1 - back
        size = tl.load(rings + slot * TILE + at, mask=mask, other=0.0)
        total += size
        tl.store(rings + slot * TILE + at, total, mask=mask)
        if LEVELS == 0:
            gap = size.to(tl.float64) - mean
            mean += gap / (back + 1)
            spread += gap * (size.to(tl.float64) - mean)
            tl.store(spreads + slot * TILE + at, spread, mask=mask)


@triton.jit
def sweep(  # type: ignore[no-untyped-def]
    images,
    starts,
    targets,
    w1s,
    w2s,
    b2s,
    offset,
    levels,
    rings,
    spreads,
    previous,
    entropies,
    activities,
    errors,
    stopped,
    scalars,
    image_size,
    samples,
    centre,
    inputs,
    hidden,
    H: tl.constexpr,
    P: tl.constexpr,
    MEMORY: tl.constexpr,
    ORDER: tl.constexpr,
    LEVELS: tl.constexpr,
    ACTIVATION: tl.constexpr,
    NORMALISED: tl.constexpr,
):
    """One epoch over the windows that begin at ``starts (samples,)``, one image a program; maps are written to ``targets``.

    scalars: step size, what sums over weights are multiplied by, and the error from which a learner counts as run away:
    ``stopped`` then holds the place, and the weights stay.
    """
    TILE: tl.constexpr = H * P + 2 * H
    program = tl.program_id(0).to(tl.int64)
    pixels = images + program * image_size
    rings, previous = rings + program * MEMORY * TILE, previous + program * (ORDER - 1) * TILE
    spreads = spreads + program * MEMORY * TILE * (LEVELS == 0)
    maps = program * samples
    units, places = tl.arange(0, H), tl.arange(0, P)
    at1 = units[:, None] * P + places[None, :]
    at2, atb = H * P + units, H * P + H + units
    offsets, live = tl.load(offset + places), units < hidden
    mask1 = live[:, None] & (places[None, :] <= inputs)
    maskb = units == 0
    w1 = tl.load(w1s + program * H * P + at1)
    w2, b2 = tl.load(w2s + program * H + units), tl.load(b2s + program)
    bias = tl.where(places == inputs, 1.0, 0.0).to(w1.dtype)
    head1, head2, headb = w1 * 0, w2 * 0, w2 * 0
    mean1, mean2, meanb = head1.to(tl.float64), head2.to(tl.float64), headb.to(tl.float64)
    spread1, spread2, spreadb = mean1, mean2, meanb
    rate, share, runaway = tl.load(scalars), tl.load(scalars + 1), tl.load(scalars + 2)
    missing, slot, mode, alive = ORDER - 1, 0, 0, 1
    for sample in range(samples):
        start = tl.load(starts + sample)
        place = tl.load(targets + sample)
        x, a, delta, miss = _forward(pixels, start, centre, offsets, bias, w1, w2, b2, live, ACTIVATION)
        tl.store(errors + maps + place, miss)
        bad = (tl.abs(miss) < runaway) == 0
        if bad & (alive == 1):
            tl.store(stopped + program, place)
            alive = 0
        factor = tl.where(alive == 1, rate * miss, 0.0)
        if NORMALISED:
            factor = factor / (tl.sum(delta * delta, 0) * tl.sum(x * x, 0) + tl.sum(a * a, 0) + 1.0)
        step1 = (factor * delta)[:, None] * x[None, :]
        step2 = factor * a
        stepb = tl.where(maskb, factor, 0.0)
        w1, w2, b2 = w1 + step1, w2 + step2, b2 + factor
        if (mode == 0) & (missing == 0):
            mode = 1
        score1, head1, mean1, spread1 = _window(
            step1,
            at1,
            mask1,
            rings,
            spreads,
            previous,
            slot,
            mode,
            head1,
            mean1,
            spread1,
            levels,
            MEMORY,
            ORDER,
            LEVELS,
            TILE,
        )
        score2, head2, mean2, spread2 = _window(
            step2,
            at2,
            live,
            rings,
            spreads,
            previous,
            slot,
            mode,
            head2,
            mean2,
            spread2,
            levels,
            MEMORY,
            ORDER,
            LEVELS,
            TILE,
        )
        scoreb, headb, meanb, spreadb = _window(
            stepb,
            atb,
            maskb,
            rings,
            spreads,
            previous,
            slot,
            mode,
            headb,
            meanb,
            spreadb,
            levels,
            MEMORY,
            ORDER,
            LEVELS,
            TILE,
        )
        score = tl.sum(tl.sum(score1, 1), 0) + tl.sum(score2, 0) + tl.sum(scoreb, 0)
        active = tl.sum(tl.sum(tl.abs(step1), 1), 0) + tl.sum(tl.abs(step2), 0) + tl.sum(tl.abs(stepb), 0)
        tl.store(entropies + maps + place, score * share)
        tl.store(activities + maps + place, active)
        if mode == 0:
            missing -= 1
        else:
            slot += 1
            if slot == MEMORY:
                slot, mode = 0, 2
                _tails(at1, mask1, rings, spreads, MEMORY, LEVELS, TILE)
                _tails(at2, live, rings, spreads, MEMORY, LEVELS, TILE)
                _tails(atb, maskb, rings, spreads, MEMORY, LEVELS, TILE)
                head1, head2, headb = head1 * 0, head2 * 0, headb * 0
                mean1, mean2, meanb = mean1 * 0, mean2 * 0, meanb * 0
                spread1, spread2, spreadb = spread1 * 0, spread2 * 0, spreadb * 0
    tl.store(w1s + program * H * P + at1, w1)
    tl.store(w2s + program * H + units, w2)
    tl.store(b2s + program, b2)
