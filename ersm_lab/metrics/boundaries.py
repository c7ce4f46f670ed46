"""Bands along the borders of label maps, as the boundary scores need them.

Shapes: label maps ``(..., H, W)`` integer, bands of the same shape, bool.

A window holds more than one label exactly when it holds two side by side that differ: bands are the
differences between neighbours, spread over a window, by doublings and not pixel by pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from scipy import ndimage
from torch import Tensor


def band_width(height: int, width: int, ratio: float = 0.005) -> int:
    """``max(1, round(ratio * diagonal))`` pixels; the ratio is 0.005 for Cityscapes (Cheng et al., Boundary IoU, 2021).

    >>> band_width(1024, 2048)
    11
    """
    return max(1, round(ratio * math.hypot(height, width)))


def spread(marks: Tensor, before: int, after: int, dim: int) -> Tensor:
    """Ors windows of ``before + 1 + after`` marks along ``dim``, wherever they lie inside ``marks`` (..., bool).

    The result has ``size - before - after`` entries: pad first for as many as there were.
    """
    length = before + after + 1
    covered = 1
    while covered < length:
        step = min(covered, length - covered)
        size = marks.shape[dim] - step
        marks = marks.narrow(dim, 0, size) | marks.narrow(dim, step, size)
        covered += step
    return marks


def label_band(labels: Tensor, distance: int) -> Tensor:
    """Pixels whose ``(2 distance + 1)^2`` window holds more than one label, the image's border counting as another.

    These are the inner bands of Boundary IoU of all classes at once: pixel p of class c is within
    ``distance`` of what is not c.
    """
    if distance < 1:
        raise ValueError(f"distance must be at least 1, not {distance}")
    band = _near(
        labels[..., :, 1:] != labels[..., :, :-1], labels[..., 1:, :] != labels[..., :-1, :], distance
    )
    band[..., :distance, :] = True
    band[..., -distance:, :] = True
    band[..., :, :distance] = True
    band[..., :, -distance:] = True
    return band


def class_edges(labels: Tensor, valid: Tensor, width: int = 1) -> Tensor:
    """Pixels whose ``(2 width + 1)^2`` window holds two neighbours of different valid classes.

    Neither the image's border nor pixels to ignore make an edge.
    """
    across = (labels[..., :, 1:] != labels[..., :, :-1]) & valid[..., :, 1:] & valid[..., :, :-1]
    down = (labels[..., 1:, :] != labels[..., :-1, :]) & valid[..., 1:, :] & valid[..., :-1, :]
    return _near(across, down, width)


def border_distance(labels: Tensor, valid: Tensor | None = None) -> Tensor:
    """Euclidean distance in pixels of ``(B, H, W)`` to the nearest pixel of ``class_edges``, float64; inf without one.

    ``valid``: the pixels that count; all by default.
    """
    edges = class_edges(labels, torch.ones_like(labels, dtype=torch.bool) if valid is None else valid).cpu()
    found = torch.full(labels.shape, torch.inf, dtype=torch.float64)
    for image, edge in enumerate(edges):
        if edge.any():
            found[image] = torch.from_numpy(ndimage.distance_transform_edt(~edge.numpy()))
    return found.to(labels.device)


def edge_ring(labels: Tensor, valid: Tensor, widths: Sequence[int]) -> Tensor:
    """Index of the narrowest of ``widths`` (ascending, from 1) whose ``class_edges`` hold the pixel; ``len(widths)`` beyond.

    ``int8`` of the labels' shape.
    """
    if list(widths) != sorted(set(widths)) or (widths and widths[0] < 1):
        raise ValueError(f"widths must ascend from at least 1, not {tuple(widths)}")
    ring = torch.full(labels.shape, len(widths), dtype=torch.int8, device=labels.device)
    band, last = None, 0
    for width in widths:
        band = class_edges(labels, valid, width) if band is None else _dilate(band, width - last)
        ring -= band.view(torch.int8)
        last = width
    return ring


def _near(across: Tensor, down: Tensor, distance: int) -> Tensor:
    """Where the window of ``distance`` holds a pair: ``across (..., H, W - 1)`` or ``down (..., H - 1, W)``."""
    d = distance
    pad = torch.nn.functional.pad
    rows = spread(pad(across, (d, d)), d, d - 1, -1)
    columns = spread(pad(down, (d, d)), d, d, -1)
    found: Tensor = spread(pad(rows, (0, 0, d, d)), d, d, -2) | spread(
        pad(columns, (0, 0, d, d)), d, d - 1, -2
    )
    return found


def _dilate(band: Tensor, distance: int) -> Tensor:
    d = distance
    padded = torch.nn.functional.pad(band, (d, d, d, d))
    return spread(spread(padded, d, d, -1), d, d, -2)
