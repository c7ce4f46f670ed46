"""Structured occluders: which pixels are covered, for every shape and any area.

Each shape is an order in which pixels get covered, drawn once per (seed, image): an area covers exactly its share of the
pixels, a larger area covers the smaller one too, and every model meets the same pixels. ``object`` and ``background`` need the
object's mask and cover a share of the *object* or of the *background*; all others a share of the image.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from ersm_lab.vision.names import OCCLUDERS, TARGETED

_CELLS = 8  # cells per side of grids and boards
_BARS = 4


def cover_ranks(
    shape: str, size: tuple[int, int], seed: int, index: int, object_mask: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int32], int]:
    """In which order pixels get covered: ranks ``(H, W)`` from 0, and how many can be covered at all.

    Pixels that a targeted shape spares have ranks beyond that number. Raises ValueError for an unknown shape, or a targeted one
    without a mask.
    """
    rng = np.random.default_rng([seed, zlib.crc32(shape.encode()), index])
    height, width = size
    priority = _priority(shape, height, width, rng, object_mask)
    coverable = np.isfinite(priority)
    order = np.argsort(priority, axis=None, kind="stable")
    ranks = np.empty(height * width, dtype=np.int32)
    ranks[order] = np.arange(height * width, dtype=np.int32)
    return ranks.reshape(size), int(coverable.sum())


def draw(
    shape: str,
    area: float,
    size: tuple[int, int],
    seed: int,
    index: int,
    object_mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """The covered pixels ``(H, W)``: exactly ``round(area * coverable pixels)``. ``area`` in [0, 1], else ValueError."""
    if not 0 <= area <= 1:
        raise ValueError(f"area is {area}, but must be between 0 and 1")
    ranks, coverable = cover_ranks(shape, size, seed, index, object_mask)
    covered: NDArray[np.bool_] = ranks < round(area * coverable)
    return covered


def _priority(
    shape: str, height: int, width: int, rng: np.random.Generator, mask: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """``(H, W)``: low is covered first, infinite never."""
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    if shape == "square":
        # the box of relative side s has its corner at u (1 - s): boxes are nested and never leave the image
        return np.maximum(_side(y, rng.uniform(0.02, 0.98))[:, None], _side(x, rng.uniform(0.02, 0.98)))
    if shape == "horizontal_bars":
        return np.broadcast_to(_to_line(y, _BARS, rng)[:, None], (height, width))
    if shape == "vertical_bars":
        return np.broadcast_to(_to_line(x, _BARS, rng), (height, width))
    if shape == "grid":
        return np.minimum(_to_line(y, _BARS, rng)[:, None], _to_line(x, _BARS, rng))
    if shape == "scattered":
        keys = rng.permutation(_CELLS * _CELLS).reshape(_CELLS, _CELLS).astype(float)
        scattered: NDArray[np.float64] = keys[(y * _CELLS).astype(int)][:, (x * _CELLS).astype(int)]
        return scattered
    if shape == "checkerboard":
        row, column = (y * _CELLS).astype(int), (x * _CELLS).astype(int)
        white = (row[:, None] + column + rng.integers(2)) % 2
        inner = np.maximum(np.abs(y * _CELLS - row - 0.5)[:, None], np.abs(x * _CELLS - column - 0.5))
        return np.asarray(white + inner)  # the black cells grow from their centres, then the white ones
    if shape == "border":
        return np.minimum(np.minimum(y, 1 - y)[:, None], np.minimum(x, 1 - x))
    if shape not in TARGETED:
        raise ValueError(f"occluder is {shape!r}, but must be one of {', '.join((*OCCLUDERS, *TARGETED))}")
    if mask is None:
        raise ValueError(f"occluder {shape!r} needs the object's mask")
    allowed = mask if shape == "object" else ~mask
    places = np.argwhere(allowed)
    if not len(places):
        return np.full((height, width), np.inf)
    centre = places[rng.integers(len(places))]
    distance = np.maximum(
        np.abs(np.arange(height) - centre[0])[:, None] / height, np.abs(np.arange(width) - centre[1]) / width
    )
    return np.where(allowed, distance, np.inf)


def _side(place: NDArray[np.float64], u: float) -> NDArray[np.float64]:
    """The smallest relative side whose box reaches each place."""
    return np.maximum(1 - place / u, (place - u) / (1 - u))


def _to_line(place: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Distance to the nearest of ``count`` equidistant lines at a random offset."""
    phase = (place * count + rng.uniform()) % 1
    return np.minimum(phase, 1 - phase)
