"""The removal test: what is held out, what is removed, and the learner on chosen windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ersm_lab.papers.slem.checks import InputError
from ersm_lab.papers.slem.engine.learner import Engine
from ersm_lab.papers.slem.schema import LearnerSettings
from ersm_lab.papers.slem.suites.removal.selection import ARMS, held_out, selections
from ersm_lab.papers.slem.suites.removal.settings import SlemRemovalConfig
from ersm_lab.papers.slem.suites.removal.suite import removal, removal_effects
from ersm_lab.papers.slem.suites.removal.windows import (
    WindowLearner,
    all_windows,
    prediction_errors,
    training,
)

SETTINGS = LearnerSettings(hidden=[6], memory=10, window_size=5, pretrain_epochs=2)


def textured(seed=0, shape=(48, 50)):
    """Flat with noise on the left, waves of a changing direction on the right."""
    generator = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    image = 0.5 + 0.4 * np.sin(rows * 0.9 + columns * 1.3) * (columns > shape[1] // 2)
    return np.clip(image + generator.normal(0, 0.01, shape), 0, 1)


@pytest.mark.parametrize("window", [3, 5, 7])
def test_no_pixel_is_in_a_training_and_a_held_out_window(window):
    """Breaks when the margin is one short; a margin one larger than needed breaks it too."""
    test, train = held_out(60, 70, window, block=12, share=0.15, seed=1)
    assert not (test & train).any()
    pixels = {}
    for name, mask in (("test", test), ("train", train)):
        seen = np.zeros((60 + window - 1, 70 + window - 1), bool)
        for row, column in np.argwhere(mask):
            seen[row : row + window, column : column + window] = True
        pixels[name] = seen
    assert not (pixels["test"] & pixels["train"]).any()
    for row, column in np.argwhere(~test & ~train):  # each that is left out does share a pixel
        assert pixels["test"][row : row + window, column : column + window].any()
    assert test.sum() >= 0.1 * 60 * 70
    with pytest.raises(InputError, match="nothing"):
        held_out(10, 10, 5, block=32, share=0.2)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_windows_laid_out_are_learned_as_the_image_is(activation):
    """Breaks when a window's pixels are cut out in another order than the engine reads them."""
    image = textured().astype(np.float32)
    settings = replace(SETTINGS, activation=activation)
    engine = Engine(image.shape, settings)
    windows = all_windows(image, 5)
    learner = WindowLearner(windows.shape[0] * windows.shape[1], settings)
    flat = windows.reshape(-1, 25)
    engine.pretrain(image)
    learner.pretrain(flat)
    first, second = engine.sweep(image), learner.sweep(flat)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.ravel(), b.ravel())
    frozen = WindowLearner(len(flat), replace(settings, learning_rate=0), learner.weights)
    errors = prediction_errors(flat, learner.weights, activation)
    np.testing.assert_allclose(frozen.sweep(flat).error.ravel(), errors, atol=2e-6)
    with pytest.raises(ValueError, match="windows are"):
        learner.sweep(flat[:-1])


def test_training_falls_and_follows_its_seed():
    flat = all_windows(textured().astype(np.float32), 5).reshape(-1, 25)
    errors = [np.square(prediction_errors(flat, w)).mean() for w in training(flat, SETTINGS, 20)]
    assert len(errors) == 20
    assert errors[-1] < 0.6 * errors[0]
    assert max(errors[-3:]) < 1.03 * min(errors[-3:])  # the step size has fallen: no batch shakes the end
    again = [np.square(prediction_errors(flat, w)).mean() for w in training(flat, SETTINGS, 20)]
    assert errors == again
    other = [w[0] for w in training(flat, replace(SETTINGS, seed=1), 1)]
    assert not np.array_equal(other[0], next(iter(training(flat, SETTINGS, 6)))[0])


def test_what_each_arm_removes():
    """Breaks when the wrong end is removed, counts differ, or ties are cut in order."""
    generator = np.random.default_rng(0)
    entropy, error = generator.permutation(200) / 200.0, generator.permutation(200) / 200.0
    known = np.arange(200) >= 20
    kept = selections(entropy, error, 0.1, seed=3, known=known)
    assert tuple(kept) == ARMS
    gone = {arm: np.setdiff1d(np.arange(200), indices) for arm, indices in kept.items()}
    assert {arm: len(indices) for arm, indices in gone.items()} == {arm: 20 * (arm != "all") for arm in ARMS}
    late = np.arange(200)[known]
    assert set(gone["top_entropy"]) == set(late[np.argsort(entropy[known])[-20:]])
    assert set(gone["bottom_entropy"]) == set(late[np.argsort(entropy[known])[:20]])
    assert set(gone["top_error"]) == set(late[np.argsort(error[known])[-20:]])
    assert set(gone["bottom_error"]) == set(late[np.argsort(error[known])[:20]])
    flat = selections(np.zeros(200), error, 0.1, seed=3)
    lost = np.setdiff1d(np.arange(200), flat["bottom_entropy"])
    assert lost.max() - lost.min() > 60


def test_a_learner_needs_the_pixels_that_it_is_tested_on():
    """What the waves teach is lost with them: breaks when the arms are mixed up, or each is tested on something else."""
    asked = SlemRemovalConfig(shares=[0.5], epochs=15, seeds=3, block=8)
    found = removal({"waves": textured()}, SETTINGS, asked)
    assert len(found) == 3 * 15 * len(ARMS)
    last = found[found["epoch"] == 15].groupby("arm")["mse"].mean()
    assert min(last["top_error"], last["top_entropy"]) > 1.05 * last["random"]
    assert max(last["bottom_error"], last["bottom_entropy"]) < last["random"]
    counts = found.groupby("arm")["trained"].first()
    assert counts.drop("all").nunique() == 1
    assert abs(counts["all"] - 2 * counts["random"]) <= 1


def test_effects_are_paired_differences_of_logarithms():
    """Breaks when an arm is compared across images or seeds, or at another epoch."""
    import pandas as pd

    rows = [
        {
            "image": image,
            "seed": seed,
            "share": 0.0 if arm == "all" else share,
            "arm": arm,
            "epoch": epoch,
            "mse": 10.0**image * (seed + 1) * factor / epoch,
            "mae": 1.0,
            "trained": 5,
        }
        for image in range(3)
        for seed in range(2)
        for epoch in (1, 2)
        for share in (0.1, 0.2)
        for arm, factor in (("all", 1.0), ("random", 1.1), ("top_error", 1.5), ("top_entropy", 1.3 + share))
        if arm != "all" or share == 0.1
    ]
    found = removal_effects(pd.DataFrame(rows)).set_index(["quantity", "share", "arm", "minus"])["estimate"]
    assert found["mse", 0.1, "top_entropy", "random"] == pytest.approx(np.log(1.4 / 1.1))
    assert found["mse", 0.2, "top_entropy", "all"] == pytest.approx(np.log(1.5))
    assert found["mse_over_epochs", 0.2, "top_error", "random"] == pytest.approx(np.log(1.5 / 1.1))
    assert found["mse", 0.2, "top_entropy", "top_error"] == pytest.approx(0)
    assert found["mae", 0.1, "random", "all"] == 0
