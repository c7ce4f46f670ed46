"""The Learning Entropy Signature (arXiv 2606.22634): an image as K patches and their positions, and what can be told from it.

Shapes: images ``(n, H, W)`` float in [0, 1]; points ``(n, K, 2)`` int, rows and columns, the highest first; patches ``(n, K, p * p)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ersm_lab.core.words import no_such
from ersm_lab.papers.slem.checks import Array, InputError, integer, odd_window
from ersm_lab.papers.slem.schema import LearnerSettings
from ersm_lab.papers.slem.suites.interest import detector_map, learned_maps, top_points

ARMS = ("entropy", "error", "gradient", "harris", "random")
ENCODINGS = ("ranked", "sorted", "placed")


@dataclass(frozen=True)
class Signature:
    """points (n, K, 2); patches (n, K, p * p), flat by rows; size: (H, W) of the images."""

    points: Array
    patches: Array
    size: tuple[int, int]

    def first(self, count: int) -> Signature:
        """The signature of the ``count`` highest points."""
        return Signature(self.points[:, :count], self.patches[:, :count], self.size)

    @property
    def covered(self) -> float:
        """Mean share of an image's pixels that lie in a patch: patches that overlap say less."""
        return float(self._canvas()[1].mean())

    def encoded(self, encoding: str) -> Array:
        """``(n, features)`` for a classifier.

        ranked: position (in [0, 1]) and patch after patch, the highest first, K * (2 + p * p) numbers. sorted:
        the same from the top left to the bottom right, row by row of the image. placed: patches at their
        positions on an empty canvas, and which pixels they cover, 2 * H * W numbers; the order of points is left out.
        """
        if encoding in ("ranked", "sorted"):
            places = self.points / np.maximum(np.array(self.size) - 1, 1)
            described = np.concatenate([places, self.patches], axis=2)
            if encoding == "sorted":
                order = np.argsort(
                    self.points[..., 0] * self.size[1] + self.points[..., 1], axis=1, kind="stable"
                )
                described = np.take_along_axis(described, order[..., None], axis=1)
            return described.reshape(len(self.points), -1)
        if encoding == "placed":
            values, covered = self._canvas()
            flat = len(values), -1
            return np.concatenate([values.reshape(flat), covered.reshape(flat)], axis=1)
        raise InputError(no_such("encoding", encoding, ENCODINGS))

    def _canvas(self) -> tuple[Array, Array]:
        count, size = self.points.shape[0], round(self.patches.shape[2] ** 0.5)
        values = np.zeros((count, *self.size), self.patches.dtype)
        covered = np.zeros_like(values)
        across = np.arange(size) - size // 2
        rows = self.points[..., 0, None, None] + across[:, None]
        columns = self.points[..., 1, None, None] + across
        image = np.arange(count)[:, None, None, None]
        values[image, rows, columns] = self.patches.reshape(*self.patches.shape[:2], size, size)
        covered[image, rows, columns] = 1
        return values, covered


def signature(images: Array, points: Array, patch_size: int) -> Signature:
    """The patches of ``patch_size`` x ``patch_size`` around ``points`` (n, K, 2), all of which must lie inside."""
    half = odd_window(patch_size) // 2
    height, width = images.shape[1:]
    if len(points) and (
        points.min() < half or points[..., 0].max() >= height - half or points[..., 1].max() >= width - half
    ):
        raise InputError(f"a patch of {patch_size} x {patch_size} around a point leaves the image")
    windows = sliding_window_view(images, (patch_size, patch_size), axis=(1, 2))
    image = np.arange(len(images))[:, None]
    patches = windows[image, points[..., 0] - half, points[..., 1] - half]
    return Signature(points, patches.reshape(*points.shape[:2], -1), (height, width))


def chosen_points(
    images: Array, count: int, learner: LearnerSettings, arms: Sequence[str] = ARMS, min_distance: int = 0
) -> dict[str, Array]:
    """For each arm the ``count`` points of every image, ``(n, count, 2)``, all from the same pixels: those with a Learning Entropy.

    entropy, error: the learner's map and its |error|. gradient, harris: detectors. random: by the learner's seed and the
    image's number. min_distance: between points of an image.

    Raises ``InputError`` where an image has fewer than ``count`` such pixels.
    """
    integer("count", count, 1)
    found: dict[str, list[Array]] = {arm: [] for arm in arms}
    for number, image in enumerate(images):
        maps = learned_maps(image, learner)
        valid = np.isfinite(maps["entropy"])
        maps["random"] = np.random.default_rng([learner.seed, number]).random(image.shape)
        for arm in arms:
            score = maps[arm] if arm in maps else detector_map(arm, image)
            points = top_points(score, count, valid, min_distance, learner.seed)
            if len(points) < count:
                raise InputError(
                    f"an image of {image.shape[0]} x {image.shape[1]} has only {len(points)} points to choose from, "
                    f"but {count} were asked for; use fewer, a smaller window, memory or min_distance"
                )
            found[arm].append(points)
    return {arm: np.array(points).astype(np.int64) for arm, points in found.items()}
