"""The compiled sweep: every pixel of an image once, in a traversal, one gradient step each, its Learning Entropy on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ersm_lab.papers.slem import kernel, traversal
from ersm_lab.papers.slem.lanes import LANES

AHEAD = 512  # positions worked out at a time
RUNAWAY = 1e6  # of intensities in [0, 1]: an error this large only grows


@njit(nogil=True)
def gather(image: Any, base: int, offsets: Any, scalars: Any) -> None:
    """The window's pixels to the start of ``scalars``."""
    for j in range(offsets.shape[0]):
        scalars[j] = image[base + offsets[j]]


@njit(nogil=True)
def sweep(
    image: Any, line: int, height: int, width: int, offsets: Any, centre: int, layers: Any, scalar_of: Any, row_of: Any,
    scalars: Any, rows: Any, slopes: Any, live: Any, weights: Any, activation: int, rate: Any, normalised: bool,
    order: int, memory: int, sensitivities: Any, share: Any, kind: int, key: Any, previous: Any, ring: Any,
    spreads: Any, head: Any, head_mean: Any, head_spread: Any, entropy: Any, activity: Any, error: Any, one: Any, tiny: Any
) -> Any:  # fmt: skip
    """One epoch over ``height x width`` windows; -1, or the window (by row, then column) at which the learner ran away.

    image: flat, rows of ``line`` pixels; a window starts at ``row * line + column``, its pixels at ``offsets`` from there, what
    is predicted at ``centre``. weights, scalars, rows, slopes: of ``network.Network``; weights are changed.
    sensitivities: ascending, divided by ``memory``; empty for the direct form. share: what sums over weights are multiplied by.
    previous ``((order - 1) P,)``, ring ``(memory P,)``, spreads (as ring, direct form only), head, head_spread
    ``(P,)``: room to work in, its content on entry is of no effect. entropy, activity, error: results, flat, by row.
    """
    multiscale = sensitivities.shape[0] > 0
    state = np.empty(traversal.STATE_SIZE, np.int64)
    row_at, column_at = np.empty(AHEAD, np.int64), np.empty(AHEAD, np.int64)
    traversal.begin(state, kind, height, width)
    head[:] = 0
    head_mean[:] = 0
    head_spread[:] = 0
    previous[:] = 0
    missing, slot, mode = order - 1, 0, 0  # differences of this order exist after order - 1 samples
    done, size = 0, height * width
    while done < size:
        count = traversal.advance(state, kind, height, width, key, row_at, column_at)
        done += count
        for i in range(count):
            place = row_at[i] * width + column_at[i]
            base = row_at[i] * line + column_at[i]
            gather(image, base, offsets, scalars)
            output = kernel.forward(weights, layers, scalars, rows, slopes, live, activation, one)
            miss = image[base + centre] - output
            error[place] = miss
            if not abs(miss) < RUNAWAY:
                return place
            kernel.backward(weights, layers, scalars, rows, slopes, one)
            factor = rate * miss
            if normalised:
                factor = factor / kernel.squared_gradient(layers, scalars, rows, one)
            kernel.scale(rows, layers, factor)
            scalars[scalars.shape[0] - LANES + 1] = factor
            if mode == 0 and missing == 0:
                mode = 1
            if multiscale:
                score, active = kernel.step_multiscale(
                    weights, scalar_of, row_of, scalars, rows, order, previous, ring, slot, head, mode,
                    sensitivities, one
                )  # fmt: skip
            else:
                score, active = kernel.step_direct(
                    weights, scalar_of, row_of, scalars, rows, order, previous, ring, slot, head_mean, mode,
                    spreads, head_spread, memory, one, tiny
                )  # fmt: skip
            entropy[place] = score * share
            activity[place] = active
            if mode == 0:
                missing -= 1
                continue
            slot += 1
            if slot == memory:
                slot, mode = 0, 2
                if multiscale:
                    kernel.tails_multiscale(ring, memory, head)
                else:
                    kernel.tails_direct(ring, spreads, memory, head_mean, head_spread)
    return -1
