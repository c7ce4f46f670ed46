"""Signatures: patches where they are, encodings that lose nothing, and a fair choice of classifier."""

from __future__ import annotations

import numpy as np
import pytest

from ersm_lab.papers.slem.checks import InputError
from ersm_lab.papers.slem.schema import LearnerSettings
from ersm_lab.papers.slem.suites.interest import detector_map, learned_maps, top_points
from ersm_lab.papers.slem.suites.signature.classify import Labelled, best_of, classify, signature_effects
from ersm_lab.papers.slem.suites.signature.settings import SlemSignatureConfig
from ersm_lab.papers.slem.suites.signature.signature import ARMS, chosen_points, signature

SETTINGS = LearnerSettings(hidden=[4], memory=10, window_size=3, pretrain_epochs=2)


def marked(count, seed):
    """Noise with a bright 3x3 mark in one of four quarters, which is the label."""
    generator = np.random.default_rng(seed)
    images, labels = generator.uniform(0.3, 0.4, (count, 16, 16)), generator.integers(0, 4, count)
    for image, label in zip(images, labels, strict=True):
        row, column = generator.integers(2, 5, 2) + 8 * np.array(divmod(int(label), 2))
        image[row : row + 3, column : column + 3] += 0.5
    return Labelled(images, labels)


def test_patches_and_encodings_against_loops():
    """Breaks when a patch is not around its point, or an encoding drops or moves a pixel."""
    images = np.random.default_rng(0).random((3, 9, 11))
    points = np.array([[[1, 1], [7, 9], [4, 5]], [[2, 3], [2, 4], [6, 8]], [[3, 3], [3, 3], [5, 1]]])
    made = signature(images, points, 3)
    ranked, placed = made.encoded("ranked").reshape(3, 3, 11), made.encoded("placed").reshape(3, 2, 9, 11)
    for n in range(3):
        covered = np.zeros((9, 11), bool)
        for k, (row, column) in enumerate(points[n]):
            patch = images[n, row - 1 : row + 2, column - 1 : column + 2]
            np.testing.assert_array_equal(made.patches[n, k], patch.ravel())
            np.testing.assert_allclose(ranked[n, k], [row / 8, column / 10, *patch.ravel()])
            covered[row - 1 : row + 2, column - 1 : column + 2] = True
        np.testing.assert_array_equal(placed[n, 1], covered)
        np.testing.assert_array_equal(placed[n, 0], np.where(covered, images[n], 0))
    in_order = made.encoded("sorted").reshape(3, 3, 11)
    for n in range(3):
        rows = sorted(range(3), key=lambda k: tuple(points[n, k]))
        np.testing.assert_array_equal(in_order[n], ranked[n, rows])
    assert made.covered == pytest.approx(placed[:, 1].mean())
    np.testing.assert_array_equal(made.first(2).encoded("ranked"), made.encoded("ranked")[:, :22])
    for bad in ([0, 4], [4, 10]):
        with pytest.raises(InputError, match="leaves the image"):
            signature(images, np.array([[bad]] * 3), 3)
    with pytest.raises(InputError, match=r"'shuffled'. There are: placed, ranked, sorted"):
        made.encoded("shuffled")


def test_every_arm_chooses_from_the_same_pixels():
    images = marked(3, 1).images
    chosen = chosen_points(images, 12, SETTINGS)
    assert set(chosen) == set(ARMS)
    for number, image in enumerate(images):
        maps = learned_maps(image, SETTINGS)
        valid = np.isfinite(maps["entropy"])
        for arm in ARMS:
            assert valid[tuple(chosen[arm][number].T)].all()
            assert len(np.unique(chosen[arm][number], axis=0)) == 12
        expected = top_points(np.where(valid, detector_map("harris", image), np.nan), 12)
        np.testing.assert_array_equal(chosen["harris"][number], expected)
        assert maps["entropy"][tuple(chosen["entropy"][number].T)].min() >= np.nanquantile(
            maps["entropy"], 0.9
        )
    assert not np.array_equal(chosen["random"][0], chosen["random"][1])
    with pytest.raises(InputError, match="has only 186 points"):
        chosen_points(images, 400, SETTINGS, ("entropy",))


def test_the_choice_is_made_on_validation():
    """Breaks when test decides between encodings: the one that is right on test alone must lose."""
    generator = np.random.default_rng(0)
    labels = [generator.integers(0, 2, n) for n in (200, 100, 100)]
    splits = tuple(Labelled(np.zeros((len(part), 2, 2)), part) for part in labels)

    def features(right):
        return tuple(
            np.stack([part if good else generator.integers(0, 2, len(part)), generator.random(len(part))], 1)
            for part, good in zip(labels, right, strict=True)
        )

    choices = {"for_test": features((True, False, True)), "for_val": features((True, True, False))}
    found = best_of(choices, splits)
    assert found.encoding == "for_val"
    assert found.val_accuracy > 0.95
    assert found.correct.mean() < 0.75


def test_a_mark_is_told_from_its_patches_and_not_from_chance():
    """The mark's quarter is known from one well-placed patch, and seldom from a random one."""
    parts, asked = (marked(150, 0), marked(40, 1), marked(80, 2)), SlemSignatureConfig(counts=[1, 4], seeds=2)
    scores, predictions = classify(parts, SETTINGS, asked, arms=("entropy", "random"))
    of = scores.groupby(["arm", "k"])["test_accuracy"].mean()
    assert of["all", 1] == of["all", 4] > 0.9
    assert of["entropy", 4] > 0.75 > of["random", 4]
    assert (scores.groupby("arm")["covered"].max() <= 1).all()
    assert len(predictions) == 80 * 2 * 2 * 3
    for (arm, k), value in of.items():
        held = predictions[(predictions["arm"] == arm) & (predictions["k"] == k)]
        assert held["correct"].mean() == pytest.approx(value)
    effects = signature_effects(predictions).set_index(["k", "minus"])["estimate"]
    assert effects[4, "random"] == pytest.approx(of["entropy", 4] - of["random", 4])
    assert effects[1, "all"] == pytest.approx(of["entropy", 1] - of["all", 1])
