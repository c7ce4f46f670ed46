"""Maps and points that Learning Entropy is compared with, against loops over pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from skimage import feature

from ersm_lab.papers.slem import spatial_learning_entropy
from ersm_lab.papers.slem.schema import LearnerSettings
from ersm_lab.papers.slem.suites.agreement.settings import SlemAgreementConfig
from ersm_lab.papers.slem.suites.agreement.suite import POINTS, agreement, agreement_means
from ersm_lab.papers.slem.suites.dependence.settings import FACTORS, SlemDependenceConfig
from ersm_lab.papers.slem.suites.dependence.suite import dependence
from ersm_lab.papers.slem.suites.interest import (
    detector_map,
    found_again,
    learned_maps,
    overlap,
    partial_spearman,
    spearman,
    top_points,
)
from ersm_lab.papers.slem.suites.means import differences_by, mean_interval, means_by

SETTINGS = LearnerSettings(hidden=[4], memory=10, window_size=5)


def picture(seed=0, shape=(40, 44)):
    generator = np.random.default_rng(seed)
    image = generator.uniform(0.4, 0.6, shape)
    image[10:25, 12:30] += 0.3
    return image


@pytest.mark.parametrize("reach", [0, 1, 3])
def test_top_points_are_a_greedy_choice(reach):
    """Breaks when a lower point displaces a higher one, or points stand nearer than allowed."""
    generator = np.random.default_rng(1)
    score = generator.permutation(400).reshape(20, 20).astype(float)
    score[3, :] = np.nan
    valid = generator.random((20, 20)) < 0.8
    order = [tuple(at) for at in np.argwhere(np.isfinite(score) & valid)]
    order.sort(key=lambda at: -score[at])
    kept: list[tuple] = []
    for at in order:
        if all(max(abs(at[0] - a), abs(at[1] - b)) > reach for a, b in kept) or not reach:
            kept.append(at)
    np.testing.assert_array_equal(top_points(score, 12, valid, reach), kept[:12])


def test_ties_are_spread_over_the_image():
    """Breaks when points of equal score fall to the first rows."""
    points = top_points(np.zeros((50, 50)), 100, seed=3)
    assert len(points) == 100
    assert 15 < points[:, 0].mean() < 35
    assert points[:, 0].max() > 40
    assert not np.array_equal(points, top_points(np.zeros((50, 50)), 100, seed=4))


def test_points_found_again_against_all_distances():
    generator = np.random.default_rng(2)
    a, b = generator.integers(0, 30, (25, 2)), generator.integers(0, 30, (18, 2))
    for radius in (0, 1, 2, 3.5):
        near = [min(np.hypot(*(p - q)) for q in b) <= radius for p in a]
        assert found_again(a, b, radius) == pytest.approx(np.mean(near))
    assert overlap(a, b, 2) == overlap(b, a, 2)
    assert overlap(a, a, 0) == 1
    assert np.isnan(found_again(a[:0], b, 1))
    assert found_again(a, b[:0], 1) == 0


def test_rank_correlations():
    """Against scipy, and the partial one against residuals of regressions on ranks; pixels unknown to one map are left out."""
    generator = np.random.default_rng(3)
    given = generator.random((15, 16))
    a, b = given + generator.random((15, 16)), np.round(given * 4) + generator.random((15, 16))
    a[0, 0], b[2, 2] = np.nan, np.nan
    held = np.isfinite(a) & np.isfinite(b)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a[held], b[held]).statistic)
    ranked = [stats.rankdata(values[held]) for values in (a, b, given)]
    design = np.stack([np.ones(held.sum()), ranked[2]], 1)
    rest = [r - design @ np.linalg.lstsq(design, r, rcond=None)[0] for r in ranked[:2]]
    assert partial_spearman(a, b, given) == pytest.approx(np.corrcoef(*rest)[0, 1])
    assert np.isnan(spearman(a, np.ones((15, 16))))
    assert np.isnan(partial_spearman(a, a, a))


@pytest.mark.parametrize("traversal", ["raster", "column", "random"])
def test_learned_maps_stand_where_the_windows_are(traversal):
    """Breaks when a map is shifted, or zeros of a window that is not yet full pass for low entropy."""
    settings = replace(SETTINGS, traversal=traversal, order=2, seed=5)
    result = spatial_learning_entropy(picture(), **vars(settings))
    maps = learned_maps(picture(), settings)
    inner = maps["entropy"][2:-2, 2:-2]
    known = np.isfinite(inner)
    assert (~known).sum() == 10 + 2 - 1
    assert (result.entropy[-1][~known] == 0).all()
    np.testing.assert_array_equal(inner[known], result.entropy[-1][known])
    np.testing.assert_array_equal(maps["error"][2:-2, 2:-2][known], np.abs(result.error[-1])[known])
    assert np.isnan(maps["entropy"]).sum() == 40 * 44 - known.sum()
    if traversal == "column":
        assert not known[:11, 0].any()


def test_detector_maps():
    """Local statistics against loops; Canny's map is what Canny keeps when no threshold is asked for."""
    image = picture()
    for row, column in ((5, 6), (20, 30), (17, 12)):
        window = image[row - 2 : row + 3, column - 2 : column + 3]
        assert detector_map("variance", image, 5)[row, column] == pytest.approx(window.var())
        _, counts = np.unique(np.rint(window * 255), return_counts=True)
        bits = stats.entropy(counts, base=2)
        assert detector_map("shannon", image, 5)[row, column] == pytest.approx(bits)
    canny = detector_map("canny", image)
    assert ((canny > 0) >= feature.canny(image, sigma=1)).all()
    assert 100 < (canny > 0).sum() < image.size / 2
    corner = detector_map("harris", np.kron(np.eye(2), np.ones((10, 10))))
    assert np.abs(np.array(np.unravel_index(corner.argmax(), corner.shape)) - 9.5).max() < 3


def test_agreement_of_equal_counts():
    """Breaks when counts differ, or a table holds another pair's number."""
    images = {"one": picture(0), "two": picture(1)}
    correlations, overlaps = agreement(
        images, SETTINGS, SlemAgreementConfig(share=0.02, radius=2, min_distance=2)
    )
    assert set(overlaps["points"]) == {round(0.02 * 40 * 44)}
    maps = learned_maps(images["two"], SETTINGS)
    gradient = np.where(np.isfinite(maps["entropy"]), detector_map("gradient", images["two"]), np.nan)
    first, second = (top_points(map_, 35, min_distance=2) for map_ in (maps["entropy"], gradient))
    row = overlaps.query("image == 'two' and a == 'entropy' and b == 'gradient'")
    assert row["overlap"].item() == pytest.approx(overlap(first, second, 2))
    row = correlations.query("image == 'two' and map == 'gradient'")
    assert row["spearman"].item() == pytest.approx(spearman(maps["entropy"], gradient))
    assert len(overlaps) == 2 * (len(POINTS) * (len(POINTS) - 1) / 2 + 1)

    maps_mean, points_mean = agreement_means(correlations, overlaps)
    found = points_mean.set_index(["detector", "quantity"])["estimate"]
    for detector in ("harris", "canny", "random"):
        difference = found[detector, "entropy"] - found[detector, "chance"]
        assert found[detector, "entropy_minus_chance"] == pytest.approx(difference)
    assert (points_mean["images"] == 2).all()
    expected = correlations.query("map == 'harris'")["spearman"].mean()
    held = maps_mean.query("map == 'harris' and quantity == 'spearman'")
    assert held["estimate"].item() == pytest.approx(expected)
    assert (held["low"] <= held["estimate"]).all()


def only(factors):
    """Settings with these factors and no others."""
    return SlemDependenceConfig(**{factor: factors.get(factor, []) for factor in FACTORS}, share=0.02)


def test_dependence_compares_each_pair():
    """Breaks when a pair is of other values, or what one map does not know counts as equal."""
    factors = {"traversal": ["raster", "column"], "window_size": [3, 5, 7]}
    found = dependence({"one": picture()}, SETTINGS, only(factors))
    assert len(found) == 2 * (1 + 3)
    row = found.query("factor == 'window_size' and a == '3' and b == '7' and map == 'entropy'")
    small, large, middle = (
        learned_maps(picture(), replace(SETTINGS, window_size=k))["entropy"] for k in (3, 7, 5)
    )
    assert row["spearman"].item() == pytest.approx(
        spearman(np.where(np.isfinite(middle), small, np.nan), large)
    )
    assert found["overlap"].between(0, 1).all()
    assert (found["chance"] < 0.5).all()
    same = dependence({"one": picture()}, SETTINGS, only({"hidden": [4, np.int64(4)]}))
    assert (same["spearman"].round(9) == 1).all()


def test_intervals_take_images_as_units():
    """Breaks when rows of one image count as several, or differences are not paired."""
    import pandas as pd

    rows = [
        {"image": image, "seed": seed, "arm": arm, "group": "g", "value": image + (arm == "b") + 0.1 * seed}
        for image in range(6)
        for seed in range(5)
        for arm in "ab"
    ]
    frame = pd.DataFrame(rows)
    means = means_by(frame[frame["arm"] == "a"], ["group"], "value")
    assert means["images"].item() == 6
    assert means["estimate"].item() == pytest.approx(2.5 + 0.2)
    assert means["high"].item() - means["low"].item() > 1
    found = differences_by(frame.sample(frac=1, random_state=0), ["group"], "value", "arm", "a")
    assert found["estimate"].item() == pytest.approx(1)
    assert found["high"].item() - found["low"].item() < 1e-9
    assert np.isnan(mean_interval([0.5, np.nan])["low"])
