"""Changes of images, the area that both show, and points found again."""

from __future__ import annotations

import numpy as np
import pytest

from ersm_lab.papers.slem.checks import InputError
from ersm_lab.papers.slem.schema import LearnerSettings
from ersm_lab.papers.slem.suites.repeatability.settings import KINDS, SlemRepeatabilityConfig
from ersm_lab.papers.slem.suites.repeatability.suite import POINTS, repeatability
from ersm_lab.papers.slem.suites.repeatability.warps import change, common_area

SETTINGS = LearnerSettings(hidden=[4], memory=10)


def only(changes, **settings):
    """Settings with these changes and no others."""
    return SlemRepeatabilityConfig(**{kind: changes.get(kind, []) for kind in KINDS}, **settings)


def spots(seed=0, shape=(64, 64), sigma=2.0):
    """Dark, with a few bright smooth spots at known places."""
    generator = np.random.default_rng(seed)
    places = np.array([(r, c) for r in (20, 32, 44) for c in (20, 32, 44)]) + generator.integers(
        -2, 3, (9, 2)
    )
    rows, columns = np.indices(shape)
    image = np.zeros(shape)
    for row, column in places:
        image += 0.8 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))
    return np.clip(image, 0, 1), places


def test_a_quarter_turn_is_exact():
    """Breaks when rows and columns are swapped, or the middle is off by half a pixel."""
    image = np.random.default_rng(0).random((21, 21))
    turned = change(image, "rotation", 90)
    expected = [np.rot90(image, 1), np.rot90(image, -1)]
    assert min(np.abs(turned.pixels - one).max() for one in expected) < 1e-9
    for row, column in ((0, 0), (3, 17), (20, 5)):
        there = np.rint(turned.there(np.array([[row, column]]))).astype(int)[0]
        assert turned.pixels[tuple(there)] == pytest.approx(image[row, column])


@pytest.mark.parametrize(
    ("kind", "amount"), [("rotation", 30), ("scale", 1.5), ("scale", 0.75), ("scale", 2)]
)
def test_points_follow_what_is_in_the_image(kind, amount):
    """Breaks when the map of coordinates is not that of the pixels."""
    image, places = spots()
    changed = change(image, kind, amount)
    np.testing.assert_allclose(changed.back(changed.there(places)), places, atol=1e-9)
    for place in changed.there(places):
        row, column = np.rint(place).astype(int)
        near = changed.pixels[row - 3 : row + 4, column - 3 : column + 4]
        peak = np.array(np.unravel_index(near.argmax(), near.shape)) + np.array([row - 3, column - 3])
        assert np.abs(peak - place).max() <= 1


def test_changes_without_effect_and_unknown_ones():
    image, _ = spots()
    for kind, amount in (("noise", 0), ("brightness", 1), ("rotation", 0), ("scale", 1)):
        np.testing.assert_allclose(change(image, kind, amount).pixels, image, atol=1e-12)
    assert change(image, "scale", 0.5).pixels.shape == (32, 32)
    assert change(image, "brightness", 3).pixels.max() == 1
    assert change(image, "blur", 2).pixels.max() < image.max()
    with pytest.raises(InputError, match=r"shear.*noise"):
        change(image, "shear", 1)


def test_the_common_area_pixel_by_pixel():
    """Breaks when points count that the other image cannot show."""
    image = np.zeros((20, 24))
    changed = change(image, "rotation", 40)
    valid = np.zeros((20, 24), bool)
    valid[2:-2, 2:-2] = True
    here, there = common_area(changed, valid, valid)
    for mask, move in ((here, changed.there), (there, changed.back)):
        for row in range(20):
            for column in range(24):
                to = np.rint(move(np.array([[row, column]]))[0]).astype(int)
                seen = 0 <= to[0] < 20 and 0 <= to[1] < 24 and valid[tuple(to)]
                assert mask[row, column] == (valid[row, column] and seen)
    assert here.sum() < valid.sum()


def test_points_of_an_unchanged_image_are_all_found_again():
    image = spots()[0] + np.random.default_rng(1).uniform(0, 0.05, (64, 64))
    image = np.clip(image, 0, 1)
    asked = only({"noise": [0.0]}, share=0.01, radius=0, min_distance=2)
    found = repeatability({"one": image}, SETTINGS, asked)
    of = found.set_index("detector")["repeatability"]
    assert (of.drop("random") == 1).all()
    assert of["random"] < 0.5
    assert set(found["points"]) == {
        round(0.01 * np.isfinite(found["points"]).size) or found["points"].iloc[0]
    }


def test_corners_survive_a_turn_and_chance_does_not():
    """Breaks when points are not mapped back, or counts differ between detectors."""
    image, _ = spots(3, sigma=1.0)
    image = np.clip(image + np.random.default_rng(1).uniform(0, 0.01, image.shape), 0, 1)
    changes = {"rotation": [20.0, 90.0], "scale": [1.5]}
    found = repeatability({"one": image}, SETTINGS, only(changes, share=0.003, radius=2, min_distance=5))
    of = found.set_index(["change", "amount", "detector"])["repeatability"]
    for key in (("rotation", 20.0), ("rotation", 90.0), ("scale", 1.5)):
        assert of[(*key, "harris")] >= 0.8
        assert of[(*key, "random")] < 0.5
    assert set(found["detector"]) == set(POINTS)
    assert found.groupby(["change", "amount"])["points"].nunique().eq(1).all()
    assert set(changes) <= set(KINDS)
