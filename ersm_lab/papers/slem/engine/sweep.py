"""The compiled sweep: every pixel of an image once, in a traversal, one gradient step each, its Learning Entropy on the way."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ersm_lab.papers.slem.engine import kernel, traversal
from ersm_lab.papers.slem.engine.lanes import LANES
from ersm_lab.papers.slem.engine.spans import span

AHEAD = 512  # positions worked out at a time
RUNAWAY = 1e6  # of intensities in [0, 1]: an error this large only grows


class Scene(NamedTuple):
    """An image and the windows in it.

    pixels: flat, rows of ``line``, in the weights' dtype. height, width: of the grid of windows; one starts at
    ``row * line + column``, its inputs at ``offsets`` from there, what is predicted at ``centre``.
    """

    pixels: Any
    line: Any
    height: Any
    width: Any
    offsets: Any
    centre: Any


@njit(nogil=True, error_model="numpy")
def gather(pixels: Any, base: int, offsets: Any, inputs: int, scalars: Any) -> None:
    """The window's pixels to the start of ``scalars``."""
    for j in range(inputs):
        scalars[j] = pixels[base + offsets[j]]


@njit(nogil=True, error_model="numpy")
def sweep(
    scene: Any,
    held_learner: Any,
    held_windows: Any,
    rate: Any,
    normalised: bool,
    share: Any,
    kind: int,
    key: Any,
    entropy: Any,
    activity: Any,
    error: Any,
) -> Any:
    """One epoch over the windows; -1, or the number of the window, by rows, at which the learner ran away.

    share: what sums over weights are multiplied by. kind, key: of the traversal. entropy, activity, error: results,
    flat, by rows. Weights are changed; what the room for statistics holds on entry is of no effect.
    """
    net, windows = kernel.learner_spans(held_learner), kernel.window_spans(held_windows)
    pixels, offsets, inputs = span(scene.pixels), span(scene.offsets), scene.offsets.shape[0]
    entropies, activities, errors = span(entropy), span(activity), span(error)
    held_windows.head[:] = 0
    held_windows.head_mean[:] = 0
    held_windows.head_spread[:] = 0
    held_windows.previous[:] = 0
    state = np.empty(traversal.STATE_SIZE, np.int64)
    ahead_rows, ahead_columns = np.empty(AHEAD, np.int64), np.empty(AHEAD, np.int64)
    row_at, column_at = span(ahead_rows), span(ahead_columns)
    height, width = scene.height, scene.width
    traversal.begin(state, kind, height, width)
    missing, slot, mode = windows.order - 1, 0, 0  # differences of this order exist after order - 1 samples
    done, size = 0, height * width
    while done < size:
        count = traversal.advance(state, kind, height, width, key, ahead_rows, ahead_columns)
        done += count
        for i in range(count):
            place = row_at[i] * width + column_at[i]
            base = row_at[i] * scene.line + column_at[i]
            gather(pixels, base, offsets, inputs, net.scalars)
            miss = pixels[base + scene.centre] - kernel.forward(net)
            errors[place] = miss
            if not abs(miss) < RUNAWAY:
                return place
            kernel.backward(net)
            factor = rate * miss
            if normalised:
                factor = factor / kernel.squared_gradient(net)
            kernel.scale(net, factor)
            if mode == 0 and missing == 0:
                mode = 1
            if windows.levels > 0:
                score, active = kernel.step_multiscale(net, windows, slot, mode)
            else:
                score, active = kernel.step_direct(net, windows, slot, mode)
            entropies[place] = score * share
            activities[place] = active
            if mode == 0:
                missing -= 1
                continue
            slot += 1
            if slot == windows.memory:
                slot, mode = 0, 2
                if windows.levels > 0:
                    kernel.tails_multiscale(windows, net.groups * LANES, net.one)
                else:
                    kernel.tails_direct(windows, net.groups * LANES)
    return -1
