"""Generated geometric structures whose edges and corners are known: what points of interest are judged by.

Six kinds: lines (bars across the picture), corners (separate triangles and quadrangles), circles (discs and rings), gratings
(a square wave), junctions (discs cut into three or four sectors) and noise (no structure at all). Shapes are areas of one
grey level, drawn at four times the resolution and averaged; noise comes on top.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
FINE = 4  # samples a pixel and axis


@dataclass(frozen=True)
class Structure:
    """pixels (H, W) float64 in [0, 1]; edges (H, W) bool: a neighbour above, below or beside belongs to another area;
    corners (P, 2): rows and columns, where the outline of an area turns or several areas meet."""

    pixels: Array
    edges: Array
    corners: Array


def structure(kind: str, index: int, size: int = 128, noise: float = 0.02, seed: int = 0) -> Structure:
    """The picture ``index`` of a kind; it depends on nothing but the arguments.

    kind: one of ``KINDS``. size: side in pixels, at least 32. noise: standard deviation, of intensities in [0, 1].
    """
    generator = np.random.default_rng([seed, KINDS.index(kind), index])
    if kind == "noise":
        pixels = np.clip(generator.normal(0.5, 0.2, (size, size)), 0, 1)
        return Structure(pixels, np.zeros((size, size), bool), np.zeros((0, 2)))
    at = (np.arange(size * FINE) + 0.5) / FINE - 0.5
    rows, columns = np.meshgrid(at, at, indexing="ij")
    areas, corners = _DRAW[kind](rows, columns, size, generator)
    levels = _levels(int(areas.max()) + 1, generator)
    fine = levels[areas].reshape(size, FINE, size, FINE)
    pixels = np.clip(fine.mean((1, 3)) + generator.normal(0, noise, (size, size)), 0, 1)
    # of the four samples around a pixel's middle, one stands for it
    centre = areas[FINE // 2 :: FINE, FINE // 2 :: FINE]
    across, along = centre[1:] != centre[:-1], centre[:, 1:] != centre[:, :-1]
    edges = np.zeros((size, size), bool)
    edges[1:] |= across
    edges[:-1] |= across
    edges[:, 1:] |= along
    edges[:, :-1] |= along
    inside = ((corners >= 0) & (corners <= size - 1)).all(1)
    return Structure(pixels, edges, corners[inside])


def _levels(count: int, generator: np.random.Generator) -> Array:
    """Grey levels, in random order, no two nearer than 0.6 / (count - 1)."""
    levels = np.linspace(0.15, 0.85, count)
    return generator.permutation(levels)


def _bands(rows: Array, columns: Array, generator: np.random.Generator) -> Array:
    """Distance along a random direction."""
    angle = generator.uniform(0, np.pi)
    distance: Array = rows * np.sin(angle) + columns * np.cos(angle)
    return distance


def _lines(rows: Array, columns: Array, size: int, generator: np.random.Generator) -> tuple[Array, Array]:
    along = _bands(rows, columns, generator)
    middle = np.median(along)
    areas = np.zeros(rows.shape, int)
    for place in (-0.28, 0.0, 0.28):
        offset = middle + (place + generator.uniform(-0.06, 0.06)) * size
        areas[np.abs(along - offset) < generator.uniform(1, 3)] = 1
    return areas, np.zeros((0, 2))


def _gratings(rows: Array, columns: Array, size: int, generator: np.random.Generator) -> tuple[Array, Array]:
    period = generator.uniform(10, 24)
    phase = _bands(rows, columns, generator) / period + generator.uniform()
    return (phase % 1 < 0.5).astype(int), np.zeros((0, 2))


def _quarters(size: int, generator: np.random.Generator) -> list[tuple[Array, float]]:
    """A centre and a radius in each quarter of the picture: what is drawn there overlaps nothing."""
    found = []
    for row in (0.25, 0.75):
        for column in (0.25, 0.75):
            radius = size * generator.uniform(0.14, 0.18)
            found.append((np.array([row, column]) * size + generator.uniform(-1, 1, 2) * size * 0.04, radius))
    return found


def _corners(rows: Array, columns: Array, size: int, generator: np.random.Generator) -> tuple[Array, Array]:
    areas = np.zeros(rows.shape, int)
    vertices = []
    for label, (centre, radius) in enumerate(_quarters(size, generator), 1):
        sides = int(generator.integers(3, 5))
        turn = generator.uniform(0, 2 * np.pi)
        angles = turn + 2 * np.pi * (np.arange(sides) + generator.uniform(-0.2, 0.2, sides)) / sides
        polygon = centre + radius * np.stack([np.sin(angles), np.cos(angles)], 1)
        inside = np.ones(rows.shape, bool)
        for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
            side = b - a
            cross = side[1] * (rows - a[0]) - side[0] * (columns - a[1])
            middle = polygon.mean(0) - a
            inside &= cross * (side[1] * middle[0] - side[0] * middle[1]) >= 0
        areas[inside] = label
        vertices.append(polygon)
    return areas, np.concatenate(vertices)


def _circles(rows: Array, columns: Array, size: int, generator: np.random.Generator) -> tuple[Array, Array]:
    areas = np.zeros(rows.shape, int)
    for label, (centre, radius) in enumerate(_quarters(size, generator), 1):
        distance = np.hypot(rows - centre[0], columns - centre[1])
        areas[distance < radius] = label
        if generator.uniform() < 0.5:
            areas[distance < radius * generator.uniform(0.4, 0.7)] = 0
    return areas, np.zeros((0, 2))


def _junctions(rows: Array, columns: Array, size: int, generator: np.random.Generator) -> tuple[Array, Array]:
    areas = np.zeros(rows.shape, int)
    points = []
    for centre, radius in _quarters(size, generator):
        count = int(generator.integers(3, 5))
        turn = generator.uniform(0, 2 * np.pi)
        starts = turn + 2 * np.pi * (np.arange(count) + generator.uniform(-0.2, 0.2, count)) / count
        angle = np.arctan2(rows - centre[0], columns - centre[1])
        inside = np.hypot(rows - centre[0], columns - centre[1]) < radius
        sector = np.zeros(rows.shape, int)
        for number, start in enumerate(starts):
            span = (starts[(number + 1) % count] - start) % (2 * np.pi)
            sector[(angle - start) % (2 * np.pi) < span] = number
        areas[inside] = sector[inside] + 1
        rim = centre + radius * np.stack([np.sin(starts), np.cos(starts)], 1)
        points += [centre[None], rim]
    return areas, np.concatenate(points)


_Draw = Callable[[Array, Array, int, np.random.Generator], tuple[Array, Array]]
_DRAW: dict[str, _Draw] = {
    "lines": _lines,
    "corners": _corners,
    "circles": _circles,
    "gratings": _gratings,
    "junctions": _junctions,
}
KINDS = (*_DRAW, "noise")
