"""Paired bootstrap: known cases, and how often the interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest

from ersm_lab.statistics import paired_bootstrap, paired_bootstrap_of_sums


def test_a_constant_difference_has_no_width():
    """Breaks when pairs are torn apart: a and b resampled by themselves would leave a wide interval."""
    b = np.random.default_rng(0).normal(size=(5, 40))
    found = paired_bootstrap(b + 0.25, b, n_boot=200)
    np.testing.assert_allclose([found.estimate, found.low, found.high], 0.25, rtol=1e-9)
    assert found.excludes_zero
    assert (found.n_images, found.n_seeds) == (40, 5)


def test_images_only_agrees_with_the_normal_interval():
    """Breaks when the quantiles, the level or the size of a replicate are off."""
    d = np.random.default_rng(1).normal(0.1, 1, size=2000)
    found = paired_bootstrap(d, np.zeros_like(d), n_boot=4000)
    half = 1.96 * d.std() / np.sqrt(len(d))
    np.testing.assert_allclose([found.low, found.high], [d.mean() - half, d.mean() + half], atol=0.1 * half)
    assert "images only" in found.method


def test_one_draw_of_images_serves_all_seeds():
    """Breaks when every seed draws its own images: five copies of one seed would look like five times the images."""
    d = np.random.default_rng(2).normal(size=300)
    one = paired_bootstrap(d, np.zeros_like(d), n_boot=2000)
    five = paired_bootstrap(np.tile(d, (5, 1)), np.zeros((5, 300)), n_boot=2000)
    assert five.high - five.low == pytest.approx(one.high - one.low, rel=0.1)


def test_seeds_are_drawn_too():
    """Breaks when differences between seeds are ignored: here they are all the variation there is."""
    d = np.repeat(np.array([[-1.0], [-0.5], [0.0], [0.5], [1.0]]), 50, axis=1)
    found = paired_bootstrap(d, np.zeros_like(d), n_boot=2000)
    assert found.low < -0.4
    assert found.high > 0.4
    assert "seeds" in found.method


def test_coverage_is_near_the_level():
    """Breaks when intervals are too narrow (pairs counted twice) or too wide (pairing lost)."""
    rng = np.random.default_rng(3)
    held = []
    for _ in range(200):
        image = rng.normal(0, 3, size=60)  # shared by both arms: pairing removes it
        a, b = image + 0.2 + rng.normal(size=60), image + rng.normal(size=60)
        found = paired_bootstrap(a, b, n_boot=300, seed=int(rng.integers(1000)))
        held.append(found.low <= 0.2 <= found.high)
        assert found.high - found.low < 1.2
    assert 0.88 <= np.mean(held) <= 0.99


def test_p_value_and_interval_agree():
    """Breaks when the two-sided p-value is one-sided, or never small."""
    d = np.random.default_rng(4).normal(size=400)
    shifted = d - d.mean() + 2.5 * d.std() / 20
    assert paired_bootstrap(shifted, np.zeros(400), n_boot=2000).p_value < 0.05
    centred = paired_bootstrap(d - d.mean(), np.zeros(400), n_boot=2000)
    assert centred.p_value > 0.8
    assert not centred.excludes_zero
    assert paired_bootstrap(np.ones(9), np.zeros(9), n_boot=99).p_value == pytest.approx(2 / 100)


def test_margin_is_for_the_lower_bound():
    """Breaks when non-inferiority is read from the estimate, or from the wrong side."""
    d = np.random.default_rng(5).normal(0, 0.1, size=500)
    assert paired_bootstrap(d, np.zeros(500), n_boot=500, margin=0.05).non_inferior is True
    assert paired_bootstrap(d, np.full(500, 0.2), n_boot=500, margin=0.05).non_inferior is False
    assert paired_bootstrap(d, np.zeros(500), n_boot=500).non_inferior is None


def test_the_seed_fixes_the_interval():
    """Breaks when the interval is not reproducible."""
    d = np.random.default_rng(6).normal(size=(5, 30))
    assert paired_bootstrap(d, 0 * d, n_boot=600, seed=1) == paired_bootstrap(d, 0 * d, n_boot=600, seed=1)
    assert paired_bootstrap(d, 0 * d, n_boot=600, seed=1) != paired_bootstrap(d, 0 * d, n_boot=600, seed=2)


def test_undefined_pairs_are_left_out():
    """Breaks when a NaN (an image without an object) spoils the mean or counts as 0."""
    a = np.array([[1.0, np.nan, 1.0, 1.0]] * 5)
    found = paired_bootstrap(a, np.zeros_like(a), n_boot=200)
    assert (found.estimate, found.low, found.high, found.n_images) == (1, 1, 1, 3)


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ([1.0], [0.0], "two images"),
        ([1.0, np.nan], [0.0, 0.0], "two images"),
        (np.ones((2, 3)), np.ones((3, 2)), "same shape"),
        (np.ones((2, 3, 4)), np.ones((2, 3, 4)), "seeds, images"),
    ],
)
def test_what_cannot_be_resampled_is_refused(a, b, words):
    """Breaks when one image gives an interval of width 0."""
    with pytest.raises(ValueError, match=words):
        paired_bootstrap(a, b, n_boot=10)


def test_bootstrap_of_sums_agrees_with_the_plain_one_and_with_the_set():
    """For a mean both must agree; for mIoU the estimate is that of the summed matrices, not a mean over images."""
    hits = np.random.default_rng(0).random((2, 40))
    a, b = hits, 0.9 * hits
    ones = np.ones((2, 40))

    def ratio(sums):
        return sums[:, 0] / sums[:, 1]

    ours = paired_bootstrap_of_sums(np.stack([a, ones], -1), np.stack([b, ones], -1), ratio, n_boot=4000)
    plain = paired_bootstrap(a, b, n_boot=4000)
    assert ours.estimate == pytest.approx(plain.estimate)
    assert ours.low == pytest.approx(plain.low, abs=2e-3)
    assert ours.high == pytest.approx(plain.high, abs=2e-3)
    assert (ours.n_images, ours.n_seeds) == (40, 2)
    with pytest.raises(ValueError, match="two images"):
        paired_bootstrap_of_sums(np.ones((1, 1, 2)), np.ones((1, 1, 2)), ratio)
