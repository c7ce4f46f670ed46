"""Orders in which the pixels of a grid are visited, made as they are needed: no list as long as the image is held.

raster: rows from the top, each from the left. serpentine: every other row backwards. column: columns from the left, each
from the top. hilbert: a Hilbert-like curve for any rectangle, whose halves are cut in halves again until a row or
column is left; consecutive pixels touch. random: a permutation that depends on the seed alone, computed pixel by pixel (a
Feistel network over the next power of four, walked until it lands inside).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ersm_lab.papers.slem.schema import TRAVERSALS

Places = NDArray[np.int64]  # (n, 2), rows and columns
_HILBERT, _RANDOM = 3, 4
_STACK = 8  # the state: depth of the stack, run (row, column, steps, left), visited, unused, then the stack
STATE_SIZE = _STACK + 6 * 160


@njit(nogil=True, error_model="numpy")
def _scramble(value: Any, key: Any) -> Any:
    value = (value ^ key) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(nogil=True, error_model="numpy")
def permuted(index: int, size: int, key: Any) -> Any:
    """Where ``index`` goes under the permutation of ``range(size)`` named by the uint64 ``key``."""
    half = 1
    while (1 << (2 * half)) < size:
        half += 1
    mask, shift = np.uint64((1 << half) - 1), np.uint64(half)
    value = np.uint64(index)
    while True:
        left, right = value >> shift, value & mask
        turn_key = key
        for _ in range(6):
            turn_key += np.uint64(0x9E3779B97F4A7C15)
            left, right = right, left ^ (_scramble(right, turn_key) & mask)
        value = (left << shift) | right
        if value < np.uint64(size):
            return np.int64(value)


@njit(nogil=True, error_model="numpy")
def _push(state: Any, row: int, column: int, a_row: int, a_column: int, b_row: int, b_column: int) -> None:
    at = _STACK + 6 * state[0]
    state[at], state[at + 1], state[at + 2] = row, column, a_row
    state[at + 3], state[at + 4], state[at + 5] = a_column, b_row, b_column
    state[0] += 1


@njit(nogil=True, error_model="numpy")
def _sign(value: int) -> int:
    return 1 if value > 0 else (-1 if value < 0 else 0)


@njit(nogil=True, error_model="numpy")
def _next_run(state: Any) -> None:
    """Cuts the topmost rectangle, which runs along a and grows along b, until it is one row of pixels."""
    while True:
        state[0] -= 1
        at = _STACK + 6 * state[0]
        row, column, a_row, a_column = state[at], state[at + 1], state[at + 2], state[at + 3]
        b_row, b_column = state[at + 4], state[at + 5]
        long, wide = abs(a_row + a_column), abs(b_row + b_column)
        da_row, da_column, db_row, db_column = _sign(a_row), _sign(a_column), _sign(b_row), _sign(b_column)
        if wide == 1 or long == 1:
            state[1], state[2] = row, column
            state[3], state[4] = (da_row, da_column) if wide == 1 else (db_row, db_column)
            state[5] = long if wide == 1 else wide
            return
        if 2 * long > 3 * wide:
            half_row, half_column = a_row // 2, a_column // 2
            if abs(half_row + half_column) % 2 and long > 2:
                half_row, half_column = half_row + da_row, half_column + da_column
            _push(
                state,
                row + half_row,
                column + half_column,
                a_row - half_row,
                a_column - half_column,
                b_row,
                b_column,
            )
            _push(state, row, column, half_row, half_column, b_row, b_column)
            continue
        near_row, near_column = a_row // 2, a_column // 2
        half_row, half_column = b_row // 2, b_column // 2
        if abs(half_row + half_column) % 2 and wide > 2:
            half_row, half_column = half_row + db_row, half_column + db_column
        end_row, end_column = row + (a_row - da_row), column + (a_column - da_column)
        _push(
            state,
            end_row + (half_row - db_row),
            end_column + (half_column - db_column),
            -half_row,
            -half_column,
            -(a_row - near_row),
            -(a_column - near_column),
        )
        _push(
            state,
            row + half_row,
            column + half_column,
            a_row,
            a_column,
            b_row - half_row,
            b_column - half_column,
        )
        _push(state, row, column, half_row, half_column, near_row, near_column)


@njit(nogil=True, error_model="numpy")
def begin(state: Any, kind: int, height: int, width: int) -> None:
    """Sets ``state``, int64 of ``STATE_SIZE``, to the first pixel."""
    state[0], state[5], state[6] = 0, 0, 0
    if kind == _HILBERT:
        if width >= height:
            _push(state, 0, 0, 0, width, height, 0)
        else:
            _push(state, 0, 0, height, 0, 0, width)


@njit(nogil=True, error_model="numpy")
def advance(state: Any, kind: int, height: int, width: int, key: Any, rows: Any, columns: Any) -> Any:
    """Writes the next pixels, as many as fit or are left, and returns how many."""
    size = height * width
    count = min(rows.shape[0], size - state[6])
    for i in range(count):
        at = state[6] + i
        if kind == _HILBERT:
            if state[5] == 0:
                _next_run(state)
            row, column = state[1], state[2]
            state[1], state[2] = row + state[3], column + state[4]
            state[5] -= 1
        elif kind == _RANDOM:
            row, column = divmod(permuted(at, size, key), width)
        elif kind == 2:
            column, row = divmod(at, height)
        else:
            row, column = divmod(at, width)
            if kind == 1 and row % 2:
                column = width - 1 - column
        rows[i], columns[i] = row, column
    state[6] += count
    return count


@njit(nogil=True, error_model="numpy")
def _all(kind: int, height: int, width: int, key: Any) -> Any:
    order = np.empty((height * width, 2), np.int64)
    state = np.zeros(STATE_SIZE, np.int64)
    begin(state, kind, height, width)
    advance(state, kind, height, width, key, order[:, 0], order[:, 1])
    return order


def key_of(*seeds: int) -> np.uint64:
    """The uint64 that names a permutation, from a seed and whatever tells its uses apart."""
    return np.uint64(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0])


def visits(traversal: str, height: int, width: int, seed: int = 0) -> Places:
    """All pixels of a ``height x width`` grid in the order of ``traversal``: ``(height * width, 2)``, row and column.

    ``seed``: of ``random``; the others ignore it.
    """
    order: Places = _all(TRAVERSALS.index(traversal), height, width, key_of(seed))
    return order


def orders_of_epochs(height: int, width: int, seed: int, epochs: int) -> Places:
    """The windows of every epoch of pre-training, one epoch after the other: ``(epochs * height * width, 2)``."""
    orders = []
    for epoch in range(epochs):
        key = (int(key_of(seed, 1)) + epoch * 0xD1342543DE82EF95) % 2**64
        orders.append(_all(_RANDOM, height, width, np.uint64(key)))
    return np.concatenate(orders) if orders else np.zeros((0, 2), np.int64)
