"""Intervals for differences between models that were run on the same images with the same seeds.

Shapes: values ``(S, n)``: seeds by images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEW_SEEDS = 5  # with fewer, a bootstrap over seeds is nonsense; see `widened_by_seeds`
_BLOCK = 250  # replicates at a time: memory stays bounded whatever n is
_METHODS = {True: "paired bootstrap over images and seeds", False: "paired bootstrap over images only"}


@dataclass(frozen=True)
class Interval:
    """A mean paired difference with a bootstrap interval; ``non_inferior`` is None where no margin was asked for.

    ``n_images``: images with a value in at least one pair. ``p_value``: two-sided, that the difference is 0; twice the
    smaller share of replicates on one side of 0, never below ``2 / (n_boot + 1)``.
    """

    estimate: float
    low: float
    high: float
    level: float
    n_images: int
    n_seeds: int
    method: str
    non_inferior: bool | None = None
    p_value: float = float("nan")

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return (
            f"{self.estimate:+.4g} [{self.low:+.4g}, {self.high:+.4g}] ({self.level:.0%}, {self.method}, "
            f"{self.n_images} images, {self.n_seeds} seeds)"
        )


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    n_boot: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    margin: float | None = None,
) -> Interval:
    """Percentile bootstrap of ``mean(a - b)``, crossed: images are drawn once for all seeds, and seeds are drawn too.

    Every seed was tested on the same images, so a replicate that draws images for each seed anew would count one picture
    as several. With fewer than five seeds only images are drawn (a handful of seeds bootstraps to nonsense), and
    ``method`` says so.

    Parameters
    ----------
    a, b: per-image values ``(S, n)``, or ``(n,)`` for one seed, paired; NaN where undefined: such pairs are left out.
    margin: non-inferiority: holds when the lower bound is above ``-margin``. With level 0.95 that is a one-sided test at 2.5 %.

    Raises
    ------
    ValueError: shapes that differ, fewer than two images with values, or settings out of range.

    >>> paired_bootstrap([1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0], n_boot=200).estimate
    0.5
    """
    first, second = (np.atleast_2d(np.asarray(values, dtype=np.float64)) for values in (a, b))
    if first.shape != second.shape:
        raise ValueError(f"paired values must have the same shape, not {first.shape} and {second.shape}")
    if first.ndim != 2:
        raise ValueError(f"paired values must be (seeds, images) or (images,), not {first.shape}")
    if n_boot < 1 or not 0 < level < 1 or (margin is not None and margin < 0):
        raise ValueError(
            f"n_boot {n_boot} must be at least 1, level {level} between 0 and 1, margin {margin} at least 0"
        )
    difference = first - second
    seeds, images = difference.shape
    defined = ~np.isnan(difference)
    valued = int(defined.any(0).sum())
    if valued < 2:
        raise ValueError(f"a bootstrap needs at least two images with values, not {valued}")
    filled = np.where(defined, difference, 0.0)
    draws_seeds = seeds >= FEW_SEEDS
    rng = np.random.default_rng(seed)
    replicates: list[NDArray[np.float64]] = []
    for start in range(0, n_boot, _BLOCK):
        count = min(_BLOCK, n_boot - start)
        of_images = _drawn(rng, images, count)
        of_seeds = (
            rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=count)
            if draws_seeds
            else np.ones((count, seeds))
        )
        total = ((of_images @ filled.T) * of_seeds).sum(1)
        weight = ((of_images @ defined.T.astype(np.float64)) * of_seeds).sum(1)
        replicates.append(np.divide(total, weight, out=np.full(count, np.nan), where=weight > 0))
    low, high, p_value = _percentiles(np.concatenate(replicates), level)
    verdict = None if margin is None else low > -margin
    estimate = float(filled.sum() / defined.sum())
    return Interval(estimate, low, high, level, valued, seeds, _METHODS[draws_seeds], verdict, p_value)


def paired_bootstrap_of_sums(
    a: ArrayLike,
    b: ArrayLike,
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    n_boot: int = 2_000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """As ``paired_bootstrap``, for a score of counts that are summed over images, such as mIoU of confusion matrices.

    Parameters
    ----------
    a, b: counts per image ``(S, n, ...)``, or ``(n, ...)`` for one seed, paired. statistic: sums ``(m, ...)`` of counts
        over images -> scores ``(m,)``; it is averaged over seeds.

    The estimate is the difference of the scores of the whole set, not a mean over images. Raises ``ValueError`` for shapes
    that differ and for fewer than two images.

    >>> hits = np.array([[[1, 2], [2, 2], [0, 2]]])
    >>> paired_bootstrap_of_sums(hits, 0 * hits + [0, 2], lambda sums: sums[:, 0] / sums[:, 1], n_boot=50).estimate
    0.5
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape or first.ndim < 3:
        raise ValueError(f"counts must both be (seeds, images, ...), not {first.shape} and {second.shape}")
    seeds, images, *rest = first.shape
    if images < 2 or n_boot < 1 or not 0 < level < 1:
        raise ValueError(
            f"a bootstrap needs two images, not {images}; n_boot {n_boot} of at least 1, level {level} in (0, 1)"
        )
    draws_seeds = seeds >= FEW_SEEDS
    rng = np.random.default_rng(seed)

    def differences(of_images: NDArray[np.float64]) -> NDArray[np.float64]:
        """``(m, n)`` weights -> ``(m, S)``."""
        scores = [
            statistic((of_images @ arm[s].reshape(images, -1)).reshape(len(of_images), *rest))
            for arm in (first, second)
            for s in range(seeds)
        ]
        return np.stack(scores[:seeds], 1) - np.stack(scores[seeds:], 1)

    estimate = float(differences(np.ones((1, images))).mean())
    replicates = []
    for start in range(0, n_boot, _BLOCK):
        count = min(_BLOCK, n_boot - start)
        found = differences(_drawn(rng, images, count))
        if draws_seeds:
            found = np.take_along_axis(found, rng.integers(0, seeds, size=(count, seeds)), axis=1)
        replicates.append(found.mean(1))
    low, high, p_value = _percentiles(np.concatenate(replicates), level)
    return Interval(estimate, low, high, level, images, seeds, _METHODS[draws_seeds], None, p_value)


def _drawn(rng: np.random.Generator, images: int, count: int) -> NDArray[np.float64]:
    """How often each image is in each of ``count`` draws with replacement, ``(count, images)``."""
    # counts of plain draws: numpy's multinomial takes five times as long for thousands of images
    drawn = rng.integers(0, images, size=(count, images)) + images * np.arange(count)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=count * images).reshape(count, images)
    return counts.astype(np.float64)


def _percentiles(replicated: NDArray[np.float64], level: float) -> tuple[float, float, float]:
    """Both ends of the percentile interval, and the two-sided p-value, of replicates of a difference."""
    low, high = np.nanquantile(replicated, [(1 - level) / 2, (1 + level) / 2])
    one_sided = min((replicated <= 0).sum(), (replicated >= 0).sum())
    return float(low), float(high), min(1.0, 2 * (int(one_sided) + 1) / (len(replicated) + 1))


def interval_over_seeds(values: ArrayLike, level: float = 0.95) -> Interval:
    """The mean of one number per run ``(S,)`` with Student's t interval: runs are the units, and their images stay as they are.

    One run, and runs that agree exactly, as a network's cost does, give an interval without width; ``method`` says so.
    ``n_images`` is 0: none was drawn.

    Raises ``ValueError`` without a value, for NaN, and for a level outside of (0, 1).

    >>> interval_over_seeds([1.0, 2.0, 3.0]).estimate
    2.0
    """
    from scipy.stats import t

    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or not len(found) or np.isnan(found).any() or not 0 < level < 1:
        raise ValueError(
            f"one number per run is needed, not {found.tolist()}; level {level} must lie in (0, 1)"
        )
    mean, count = float(found.mean()), len(found)
    if count == 1 or np.ptp(found) == 0:
        what = "one run, no interval" if count == 1 else "equal in all runs"
        return Interval(mean, mean, mean, level, 0, count, what)
    half = float(t.ppf((1 + level) / 2, count - 1) * found.std(ddof=1) / np.sqrt(count))
    p_value = float(2 * t.sf(abs(mean) / (found.std(ddof=1) / np.sqrt(count)), count - 1))
    return Interval(mean, mean - half, mean + half, level, 0, count, "Student's t over seeds", None, p_value)


def widened_by_seeds(interval: Interval, per_seed: ArrayLike, level: float = 0.95) -> Interval:
    """``interval``, which drew images alone, for networks that were not trained: Student's t over seeds added to it.

    One seed says nothing about the next, and from five on a bootstrap draws seeds itself: such an interval stays as it is.

    Chance in images and chance in training are independent, so what they add to either end adds up as squares. Two to four seeds
    say little about how seeds vary, and t makes that wide; without it, three networks that happen to agree in sign look like a method.

    Parameters
    ----------
    per_seed: the estimate of each seed ``(S,)``.

    >>> narrow = Interval(1.0, 0.9, 1.1, 0.95, 100, 3, "images")
    >>> widened_by_seeds(narrow, [0.0, 1.0, 2.0]).low < -1
    True
    """
    if not 2 <= len(np.asarray(per_seed)) < FEW_SEEDS:
        return interval
    over_seeds = interval_over_seeds(per_seed, level)
    half = (over_seeds.high - over_seeds.low) / 2
    return replace(
        interval,
        low=float(interval.estimate - np.hypot(interval.estimate - interval.low, half)),
        high=float(interval.estimate + np.hypot(interval.high - interval.estimate, half)),
        method="paired bootstrap over images, Student's t over seeds",
        non_inferior=None,
        p_value=float("nan"),
    )
