"""Boundary F: are the borders of each class where they should be?

Shapes: label maps ``(H, W)`` of classes ``0 .. K - 1`` (K at most 64) and ``IGNORED`` for pixels that do not
count.

The rule is DAVIS' ``db_eval_boundary`` (Perazzi et al., 2016): a pixel is on the border of a class when it
and its right, lower or lower right neighbour disagree about the class; a border pixel is matched when the
other map has one of the same class within a disk. All classes are matched at once, outwards from each border
pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

IGNORED = 255
MAX_CLASSES = 64  # of one map: each is a bit


class BoundaryMatches(NamedTuple):
    """Counts per class and radius, ``(K, R)`` int64: matched border pixels of prediction and truth; and all, ``(K,)``."""

    predicted_hits: NDArray[np.int64]
    true_hits: NDArray[np.int64]
    predicted: NDArray[np.int64]
    true: NDArray[np.int64]


def disk_radius(height: int, width: int, ratio: float = 0.008) -> int:
    """``ceil(ratio * diagonal)`` pixels, DAVIS' rule.

    >>> [disk_radius(1024, 2048, ratio) for ratio in (0.00088, 0.001875, 0.00375, 0.005, 0.008)]
    [3, 5, 9, 12, 19]
    """
    return math.ceil(ratio * math.hypot(height, width))


def boundary_matches(
    prediction: NDArray[np.integer], target: NDArray[np.integer], num_classes: int, radii: Sequence[int]
) -> BoundaryMatches:
    """Matched border pixels for disks of ``radii`` pixels (at least 0, ascending).

    Pixels to ignore, ``IGNORED`` in the truth, count in neither map, nor does a border pixel beside one.
    """
    if num_classes > MAX_CLASSES:
        raise ValueError(f"boundary F takes at most {MAX_CLASSES} classes, not {num_classes}")
    if prediction.shape != target.shape or target.ndim != 2:
        raise ValueError(f"maps must be (H, W) of one shape, not {prediction.shape} and {target.shape}")
    truth = np.ascontiguousarray(target, dtype=np.uint8)
    guess = np.ascontiguousarray(prediction, dtype=np.uint8)
    if list(radii) != sorted(radii):
        raise ValueError(f"radii must ascend, not {tuple(radii)}")
    offsets = _offsets(radii)
    predicted, true = _borders(guess, truth, num_classes), _borders(truth, truth, num_classes)
    hits, all_of = _match(predicted, true, num_classes, offsets, len(radii))
    found, all_true = _match(true, predicted, num_classes, offsets, len(radii))
    return BoundaryMatches(hits.cumsum(1), found.cumsum(1), all_of, all_true)


def boundary_f(matches: BoundaryMatches) -> NDArray[np.float64]:
    """``2 P R / (P + R)`` per class and radius, ``(K, R)`` in [0, 1], higher is better.

    A class with a border in one map only scores 0; one without a border in either has no score (NaN). DAVIS
    calls the latter 1, which in a set with many classes would reward what is not there.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = matches.predicted_hits / matches.predicted[:, None]
        recall = matches.true_hits / matches.true[:, None]
        f = 2 * precision * recall / (precision + recall)
    one_sided = (matches.predicted > 0) != (matches.true > 0)
    f[one_sided] = 0.0
    both = (matches.predicted > 0) & (matches.true > 0)
    f[both] = np.nan_to_num(f[both])
    return f


def _offsets(radii: Sequence[int]) -> NDArray[np.int64]:
    """Rows and columns of the largest disk, nearest first, with the index of the smallest disk that holds them, ``(n, 3)``."""
    radius = max(radii, default=0)
    span = np.arange(-radius, radius + 1)
    row, column = (grid.ravel() for grid in np.meshgrid(span, span, indexing="ij"))
    square = row * row + column * column
    ring = np.searchsorted(np.array([r * r for r in radii]), square)
    order = np.argsort(square, kind="stable")
    order = order[ring[order] < len(radii)]
    return np.ascontiguousarray(np.stack([row, column, ring], axis=1)[order], dtype=np.int64)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _borders(labels: Any, truth: Any, num_classes: int) -> Any:
    """Bit c of each pixel: it is on the border of class c, ``(H, W)`` uint64."""
    height, width = labels.shape
    found = np.zeros((height, width), dtype=np.uint64)
    one = np.uint64(1)
    for y in range(height):
        below = y + 1 < height
        for x in range(width):
            right = x + 1 < width
            own = labels[y, x]
            # at the last row and column DAVIS compares along the border only
            differs = (right and labels[y, x + 1] != own) or (below and labels[y + 1, x] != own)
            if right and below and labels[y + 1, x + 1] != own:
                differs = True
            if not differs or truth[y, x] == IGNORED:
                continue
            bits = np.uint64(0)
            near_ignored = False
            for step in range(3):
                down, aside = (1, 0) if step == 0 else ((0, 1) if step == 1 else (1, 1))
                if (down and not below) or (aside and not right):
                    continue
                if truth[y + down, x + aside] == IGNORED:
                    near_ignored = True
                    break
                other = labels[y + down, x + aside]
                if other != own:
                    if own < num_classes:
                        bits |= one << np.uint64(own)
                    if other < num_classes:
                        bits |= one << np.uint64(other)
            if not near_ignored:
                found[y, x] = bits
    return found


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _match(of: Any, among: Any, num_classes: int, offsets: Any, rings: int) -> Any:
    """Per class: border pixels of ``of`` with one of the same class in ``among`` within each radius, and all of them."""
    height, width = of.shape
    hits = np.zeros((num_classes, rings), dtype=np.int64)
    count = np.zeros(num_classes, dtype=np.int64)
    one, none = np.uint64(1), np.uint64(0)
    for y in range(height):
        for x in range(width):
            rest = of[y, x]
            if rest == none:
                continue
            for c in range(num_classes):
                count[c] += (rest >> np.uint64(c)) & one
            for i in range(len(offsets)):
                row, column = y + offsets[i, 0], x + offsets[i, 1]
                if 0 <= row < height and 0 <= column < width:
                    met = rest & among[row, column]
                    if met != none:
                        for c in range(num_classes):
                            hits[c, offsets[i, 2]] += (met >> np.uint64(c)) & one
                        rest &= ~met
                        if rest == none:
                            break
    return hits, count
