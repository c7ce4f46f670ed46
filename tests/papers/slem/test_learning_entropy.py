"""Learning Entropy of weight paths against padasip, and the points of a map against brute force."""

from __future__ import annotations

import numpy as np
import padasip
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ersm_lab.core.errors import UserError
from ersm_lab.papers.slem import entropy, entropy_points, learning_entropy

ALPHAS = [0.5, 1.0, 2.0, 3.0]


def path(seed, length=90, count=7):
    generator = np.random.default_rng(seed)
    return np.cumsum(generator.normal(size=(length, count)) * generator.lognormal(size=(length, 1)), axis=0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("window", [1, 10, 30])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("alphas", [None, ALPHAS])
def test_equals_padasip_from_the_first_row_with_true_differences(seed, window, order, alphas):
    """Breaks when windows are off by one, hold q itself, or a difference is of another order."""
    weights = path(seed)
    theirs = padasip.detection.learning_entropy(weights, m=window, order=order, alpha=alphas or False)
    ours = learning_entropy(weights, window, order, alphas)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours[window + order :], theirs[window + order :], rtol=1e-9, atol=1e-9)
    assert not ours[: window + order].any()
    assert ours[window + order :].any()


def test_chunks_do_not_show(monkeypatch):
    """Breaks when a chunk's rows are shifted."""

    weights = path(5, 200)
    whole = learning_entropy(weights, 20), learning_entropy(weights, 20, 2, ALPHAS)
    monkeypatch.setattr(entropy, "_CHUNK", 500)
    pieces = learning_entropy(weights, 20), learning_entropy(weights, 20, 2, ALPHAS)
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(a, b)


def test_short_and_bad_paths():
    """Breaks when a path too short for a window is an error, or bad input is none."""
    assert not learning_entropy(np.ones((5, 2)), window=30).any()
    for bad in (
        {"weights": np.ones(5), "window": 2},
        {"weights": np.ones((5, 2)), "window": 0},
        {"weights": np.ones((5, 2)), "window": 2, "order": 0},
        {"weights": np.ones((5, 2)), "window": 2, "alphas": []},
        {"weights": np.ones((5, 2)), "window": 2, "alphas": [1, 0]},
        {"weights": np.array([[1.0], [np.nan], [2.0]]), "window": 1},
    ):
        with pytest.raises(ValueError) as caught:
            learning_entropy(**bad)
        assert isinstance(caught.value, UserError)
        assert "\n" not in str(caught.value)


def brute_force(values, half, quantile, reach):
    """Every candidate against every stronger one that was kept."""
    least = np.quantile(values, quantile)
    candidates = sorted(
        (
            (-values[i, j], i, j)
            for i, j in np.ndindex(values.shape)
            if values[i, j] >= least and values[i, j] > values.min()
        )
    )
    kept = []
    for _, i, j in candidates:
        if reach == 0 or all(max(abs(i - a), abs(j - b)) > reach for a, b in kept):
            kept.append((i, j))
    return [[i + half, j + half] for i, j in kept]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 999),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    reach=st.integers(0, 5),
    quantile=st.sampled_from([0.0, 0.3, 0.7, 0.9, 1.0]),
    levels=st.sampled_from([3, 10**6]),
)
def test_points_equal_brute_force(seed, height, width, reach, quantile, levels):
    """Breaks when suppression keeps a weaker neighbour, drops a far one, or loses ties and borders."""
    values = np.random.default_rng(seed).integers(0, levels, (height, width)).astype(float)
    points = entropy_points(values, 5, quantile, reach)
    assert points.shape == (len(points), 2)
    assert points.tolist() == brute_force(values, 2, quantile, reach)


def test_points_of_flat_maps_and_values():
    """Breaks when a flat map has points, or a value is taken for a quantile."""
    assert entropy_points(np.zeros((5, 6)), 3).shape == (0, 2)
    values = np.arange(12.0).reshape(3, 4)
    assert entropy_points(values, 3, threshold=9.5).tolist() == [[3, 4], [3, 3]]
    for bad in ({"quantile": 1.5}, {"window_size": 4}, {"min_distance": -1}):
        with pytest.raises(UserError):
            entropy_points(values, **{"window_size": 3, **bad})
    with pytest.raises(UserError):
        entropy_points(values[None], 3)
