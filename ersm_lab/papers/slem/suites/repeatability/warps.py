"""Changes of an image for repeatability, each with the map of coordinates that undoes it.

Coordinates are pixel centres, (row, column); a change that moves nothing has the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.transform import AffineTransform, warp

from ersm_lab.core.words import no_such
from ersm_lab.papers.slem.checks import Array, InputError
from ersm_lab.papers.slem.suites.repeatability.settings import KINDS


@dataclass(frozen=True)
class Changed:
    """pixels (h, w) float64 in [0, 1]; forward (3, 3): from (row, column, 1) of the original to that of ``pixels``."""

    pixels: Array
    forward: Array

    def there(self, points: Array) -> Array:
        """Points ``(P, 2)`` of the original, in the changed image."""
        return _apply(self.forward, points)

    def back(self, points: Array) -> Array:
        """Points ``(P, 2)`` of the changed image, in the original."""
        return _apply(np.linalg.inv(self.forward), points)


def change(image: Array, kind: str, amount: float, seed: int = 0) -> Changed:
    """``image`` (H, W) in [0, 1] after one change.

    noise: Gaussian, of standard deviation ``amount``, clipped. blur: Gaussian of ``amount`` pixels. brightness: multiplied by
    ``amount``, clipped. rotation: by ``amount`` degrees about the middle, in a frame of the same size whose corners mirror the
    image (they lie outside of the common area). scale: of the sides, by ``amount``; made smaller, it is smoothed before.
    """
    rows, columns = image.shape
    identity = np.eye(3)
    if kind == "noise":
        noise = np.random.default_rng(seed).normal(0, amount, image.shape)
        return Changed(np.clip(image + noise, 0, 1), identity)
    if kind == "blur":
        return Changed(np.asarray(ndimage.gaussian_filter(image, amount, mode="reflect")), identity)
    if kind == "brightness":
        return Changed(np.clip(image * amount, 0, 1), identity)
    if kind == "rotation":
        angle, middle = np.deg2rad(amount), (np.array([rows, columns]) - 1) / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        forward = identity.copy()
        forward[:2, :2], forward[:2, 2] = turn, middle - turn @ middle
        return Changed(_warped(image, forward, image.shape), forward)
    if kind == "scale":
        shape = (round(rows * amount), round(columns * amount))
        smooth = max(0.0, (1 / amount - 1) / 2)
        source = ndimage.gaussian_filter(image, smooth, mode="reflect") if smooth else image
        # the outer edges of both frames fall together, not the centres of their corner pixels
        factor = np.array(shape) / np.array(image.shape)
        forward = np.diag([*factor, 1.0])
        forward[:2, 2] = factor / 2 - 0.5
        return Changed(_warped(source, forward, shape), forward)
    raise InputError(no_such("change", kind, KINDS))


def common_area(changed: Changed, valid: Array, valid_there: Array) -> tuple[Array, Array]:
    """Where points of either image can be found in both: masks of the original ``(H, W)`` and of the changed image ``(h, w)``.

    valid, valid_there: where points may lie at all. A pixel counts where it is valid itself and its place in the other
    image, to the nearest pixel, is.
    """
    here, there = np.argwhere(valid), np.argwhere(valid_there)
    masks = np.zeros(valid.shape, bool), np.zeros(valid_there.shape, bool)
    for mask, points, moved, other in (
        (masks[0], here, changed.there(here), valid_there),
        (masks[1], there, changed.back(there), valid),
    ):
        place = np.rint(moved).astype(np.int64)
        inside = ((place >= 0) & (place < other.shape)).all(1)
        inside[inside] = other[tuple(place[inside].T)]
        mask[tuple(points[inside].T)] = True
    return masks


def _apply(matrix: Array, points: Array) -> Array:
    moved: Array = np.asarray(points, np.float64) @ matrix[:2, :2].T + matrix[:2, 2]
    return moved


def _warped(image: Array, forward: Array, shape: tuple[int, ...]) -> Array:
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1.0]])  # scikit-image speaks of (x, y)
    back = AffineTransform(matrix=swap @ np.linalg.inv(forward) @ swap)
    warped = warp(image, back, output_shape=shape, order=1, mode="reflect")
    return np.asarray(np.clip(warped, 0, 1))
