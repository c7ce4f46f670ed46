"""Intervals against what they are by definition: every resample drawn in turn, and formulas written out."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ersm_lab.statistics.intervals import (
    interval_over_seeds,
    paired_bootstrap,
    paired_bootstrap_of_sums,
    widened_by_seeds,
)


def every_resample(values: NDArray[Any], score: Any) -> NDArray[np.float64]:
    """The score of all n^n draws of n images, seeds kept: ``(n^n,)``."""
    images = values.shape[1]
    return np.array([score(values[:, list(drawn)]) for drawn in product(range(images), repeat=images)])


def test_images_only_is_what_all_resamples_give() -> None:
    """Breaks when a replicate has another size, seeds draw images of their own, or undefined pairs count as 0."""
    a = np.array([[0.3, 1.0, np.nan, 0.1, 0.7], [0.2, 0.8, 0.5, np.nan, 0.9], [1.0, 0.0, 0.4, 0.6, 0.5]])
    b = np.array([[0.1, 0.4, 0.2, 0.3, 0.5], [0.4, 0.1, 0.1, 0.6, 0.2], [0.5, 0.5, 0.5, 0.5, 0.5]])
    exact = every_resample(a - b, np.nanmean)
    found = paired_bootstrap(a, b, n_boot=40_000)
    assert found.estimate == pytest.approx(np.nanmean(a - b))
    np.testing.assert_allclose([found.low, found.high], np.quantile(exact, [0.025, 0.975]), atol=0.01)


def test_crossed_draws_are_what_all_resamples_of_seeds_and_images_give() -> None:
    """Breaks when seeds are drawn for each image apart."""
    d = np.random.default_rng(0).normal(size=(5, 4)) + np.arange(5)[:, None] / 3
    of_images = np.array([d[:, list(drawn)].mean(1) for drawn in product(range(4), repeat=4)])  # (256, 5)
    exact = np.concatenate([of_images[:, list(drawn)].mean(1) for drawn in product(range(5), repeat=5)])
    found = paired_bootstrap(d, 0 * d, n_boot=40_000)
    np.testing.assert_allclose([found.low, found.high], np.quantile(exact, [0.025, 0.975]), atol=0.02)


def test_sums_are_what_all_resamples_give() -> None:
    """Breaks when scores are averaged over images, or the two arms draw images of their own."""
    rng = np.random.default_rng(1)
    a, b = (np.stack([rng.integers(0, 9, (2, 5)), rng.integers(9, 20, (2, 5))], -1) for _ in range(2))

    def score(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return sums[:, 0] / sums[:, 1]

    both = np.concatenate([a, b], axis=-1)
    exact = every_resample(both, lambda part: np.mean(score(part.sum(1)[:, :2]) - score(part.sum(1)[:, 2:])))
    found = paired_bootstrap_of_sums(a, b, score, n_boot=20_000)
    np.testing.assert_allclose([found.low, found.high], np.quantile(exact, [0.025, 0.975]), atol=0.005)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=2, max_size=4), st.floats(-3, 3), st.integers(0, 9))
def test_intervals_move_with_the_effect_and_turn_over_with_it(
    seeds: list[float], shift: float, draw: int
) -> None:
    """Breaks when an interval depends on where 0 is, or on which arm is called a."""
    d = np.random.default_rng(draw).normal(size=(len(seeds), 12)) + np.array(seeds)[:, None]

    def interval(values: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
        found = widened_by_seeds(paired_bootstrap(values, other, n_boot=200), (values - other).mean(1))
        return np.array([found.low, found.estimate, found.high])

    here = interval(d, 0 * d)
    assert here[0] <= here[1] <= here[2]
    np.testing.assert_allclose(interval(d + shift, 0 * d), here + shift, atol=1e-9)
    np.testing.assert_allclose(interval(0 * d, d), -here[::-1], atol=1e-9)


def test_few_seeds_are_covered_and_images_alone_would_not_be() -> None:
    """Breaks when three networks stand for all that could have been trained: images alone hold the truth two times in three."""
    rng = np.random.default_rng(2)
    held: dict[str, list[bool]] = {"images": [], "widened": []}
    for draw in range(200):
        d = 0.2 * rng.normal(size=(3, 1)) + rng.normal(size=(1, 200)) + rng.normal(size=(3, 200))
        images = paired_bootstrap(d, 0 * d, n_boot=200, seed=draw)
        widened = widened_by_seeds(images, d.mean(1))
        for name, found in (("images", images), ("widened", widened)):
            held[name].append(found.low <= 0 <= found.high)
    assert np.mean(held["images"]) < 0.8
    assert np.mean(held["widened"]) > 0.93


def test_widening_adds_as_squares_and_equal_seeds_add_nothing() -> None:
    d = np.random.default_rng(3).normal(size=(3, 50))
    narrow = paired_bootstrap(d, 0 * d, n_boot=300)
    assert widened_by_seeds(narrow, [1.0, 1.0, 1.0]).low == pytest.approx(narrow.low)
    over_seeds = interval_over_seeds([0.0, 1.0, 2.0])
    found = widened_by_seeds(narrow, [0.0, 1.0, 2.0])
    half = (over_seeds.high - over_seeds.low) / 2
    assert half == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert (found.high - narrow.estimate) ** 2 == pytest.approx(
        (narrow.high - narrow.estimate) ** 2 + half**2
    )
    assert found.estimate == narrow.estimate
