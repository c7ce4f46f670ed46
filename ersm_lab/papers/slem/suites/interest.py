"""Maps and points that Learning Entropy is compared with: classical detectors, the learner's own error, and chance.

Shapes: an image ``(H, W)`` float in [0, 1]; a map ``(H, W)``, in the image's own coordinates, NaN where it is not defined (near the
border and, for Learning Entropy, before its windows are full); points ``(P, 2)`` float64, rows and columns, the highest first.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage import feature, filters

from ersm_lab.core.words import no_such
from ersm_lab.papers.slem.checks import Array, InputError, integer
from ersm_lab.papers.slem.engine.traversal import visits
from ersm_lab.papers.slem.maps import learn
from ersm_lab.papers.slem.points import spaced
from ersm_lab.papers.slem.schema import LearnerSettings

DETECTORS = ("harris", "shi_tomasi", "canny", "gradient", "variance", "shannon")
SIGMA = 1.0  # pixels, of Harris, Shi-Tomasi and Canny alike
_MIRRORED = 8  # pixels, beyond the reach of every detector here
LEVELS = 256  # of grey, for local Shannon entropy


def learned_maps(image: Array, learner: LearnerSettings) -> dict[str, Array]:
    """``entropy``, ``error`` (|e|) and ``activity`` (sum of |dw|) of one sweep, each ``(H, W)``.

    NaN outside of the grid of window centres, and for all three where Learning Entropy is not yet defined: samples before
    ``memory + order - 1`` of the traversal.
    """
    result = learn(image, learner)
    found = {"entropy": result.entropy[0], "error": np.abs(result.error[0]), "activity": result.activity[0]}
    height, width = found["entropy"].shape
    half, first = learner.window_size // 2, learner.memory + learner.order - 1
    unknown = tuple(visits(learner.traversal, height, width, learner.seed)[:first].T)
    maps = {}
    for name, values in found.items():
        maps[name] = np.full(image.shape, np.nan)
        maps[name][half : half + height, half : half + width] = values
        maps[name][half : half + height, half : half + width][unknown] = np.nan
    return maps


def detector_map(name: str, image: Array, window_size: int = 5) -> Array:
    """The response ``(H, W)`` of a detector of ``DETECTORS``, high where it finds something.

    harris, shi_tomasi: corner responses of scikit-image. canny: the smoothed gradient's magnitude on the ridges that Canny thins edges
    to, 0 beside them: thresholds are left out, as equal counts take their place. gradient: Sobel's magnitude. variance,
    shannon: variance, and Shannon entropy in bits of 256 levels, of the ``window_size`` x ``window_size`` window. The image
    is mirrored at its border: some of these detectors take what lies outside for black, and would find corners there.
    """
    wide = np.pad(image, _MIRRORED, mode="symmetric")
    height, width = image.shape
    inside = slice(_MIRRORED, _MIRRORED + height), slice(_MIRRORED, _MIRRORED + width)
    return _response(name, wide, window_size)[inside]


def _response(name: str, image: Array, window_size: int) -> Array:
    if name == "harris":
        return np.asarray(feature.corner_harris(image, sigma=SIGMA))
    if name == "shi_tomasi":
        return np.asarray(feature.corner_shi_tomasi(image, sigma=SIGMA))
    if name == "canny":
        ridges = feature.canny(image, sigma=SIGMA, low_threshold=0.0, high_threshold=0.0)
        return np.where(ridges, ndimage.gaussian_gradient_magnitude(image, SIGMA), 0.0)
    if name == "gradient":
        return np.asarray(filters.sobel(image))
    if name == "variance":
        mean = ndimage.uniform_filter(image, window_size)
        return np.asarray(np.maximum(ndimage.uniform_filter(image**2, window_size) - mean**2, 0.0))
    if name == "shannon":
        grey = np.rint(np.clip(image, 0, 1) * (LEVELS - 1)).astype(np.uint8)
        return np.asarray(filters.rank.entropy(grey, np.ones((window_size, window_size), np.uint8)))
    raise InputError(no_such("detector", name, DETECTORS))


def generator_of(seed: int, name: str, *uses: int) -> np.random.Generator:
    """What is random about the image ``name``: the same whichever images come with it."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), *uses])


def chance_map(image: Array, generator: np.random.Generator) -> Array:
    """Uniform noise of the shape of ``image``: its highest pixels are random points."""
    return np.asarray(generator.random(image.shape))


def top_points(
    score: Array, count: int, valid: Array | None = None, min_distance: int = 0, seed: int = 0
) -> Array:
    """The ``count`` pixels of the largest score, ``(P, 2)``, the highest first; fewer where no more are allowed.

    score (H, W): NaN is never taken. valid (H, W) bool: where points may lie. min_distance: of two points whose rows and
    columns both differ by no more than it only the higher stays. Ties fall by a permutation seeded with ``seed``, so that no corner of
    the image is preferred.
    """
    count, reach = integer("count", count, 0), integer("min_distance", min_distance, 0)
    allowed = np.isfinite(score) if valid is None else np.isfinite(score) & valid
    found = np.argwhere(allowed)
    shuffle = np.random.default_rng(seed).permutation(len(found))
    found = found[shuffle]
    found = found[np.argsort(-score[tuple(found.T)], kind="stable")]
    return spaced(found, score.shape, reach, count).astype(np.float64)


def found_again(points: Array, others: Array, radius: float) -> float:
    """Share of ``points`` (P, 2) with one of ``others`` within ``radius`` pixels (Euclidean, inclusive); NaN without points."""
    if not len(points):
        return float("nan")
    if not len(others):
        return 0.0
    nearest, _ = cKDTree(others).query(points)
    return float((nearest <= radius + 1e-9).mean())


def overlap(a: Array, b: Array, radius: float) -> float:
    """Mean of the shares of ``a`` near ``b`` and of ``b`` near ``a``, in [0, 1]: symmetric, 1 for equal sets."""
    return (found_again(a, b, radius) + found_again(b, a, radius)) / 2


def ranks(maps: Sequence[Array]) -> Array:
    """``(maps, pixels)`` ranks, ties averaged, of the pixels at which every map is defined."""
    from scipy.stats import rankdata

    defined = np.logical_and.reduce([np.isfinite(map_) for map_ in maps])
    return np.stack([rankdata(map_[defined]) for map_ in maps])


def spearman(a: Array, b: Array) -> float:
    """Spearman's rank correlation of two maps where both are defined; NaN where one is constant."""
    return float(_correlation(ranks([a, b]))[0, 1])


def partial_spearman(a: Array, b: Array, given: Array) -> float:
    """Rank correlation of ``a`` and ``b`` with the ranks of ``given`` taken out of both linearly."""
    r = _correlation(ranks([a, b, given]))
    spread = (1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2)
    return float((r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt(spread)) if spread > 1e-12 else float("nan")


def _correlation(rows: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.corrcoef(rows))
