"""Deletion and insertion of pixels against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import auc
from torch import nn

from ersm_lab.metrics.pixel_deletion import PixelDeletionCurve, pixel_curve
from ersm_lab.vision.fills import fill_images


@pytest.fixture(scope="module")
def scene():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 4)
    ).double()
    images, labels = torch.randn(5, 3, 9, 8, dtype=torch.float64), torch.randint(0, 4, (5,))
    return model, images, torch.rand(5, 9, 8), labels


@pytest.mark.parametrize("mode", ["deletion", "insertion"])
@pytest.mark.parametrize("fill", ["mean", "noise", "blur"])
def test_equals_a_loop_over_steps_and_images(scene, mode: str, fill: str) -> None:
    model, images, importance, labels = scene
    correct, probability = pixel_curve(model, images, importance, labels, mode, fill, steps=7, batch_size=3)
    covered = fill_images(images, fill, 0, torch.arange(5))
    for i in range(5):
        order = importance[i].flatten().argsort(descending=True)
        for step in range(8):
            chosen = torch.zeros(72, dtype=torch.bool)
            chosen[order[: round(step * 72 / 7)]] = True
            start, end = (images, covered) if mode == "deletion" else (covered, images)
            picture = torch.where(chosen.view(9, 8), end[i], start[i])
            logits = model(picture[None])[0]
            assert correct[i, step] == (logits.argmax() == labels[i])
            torch.testing.assert_close(probability[i, step], logits.softmax(0)[labels[i]])


def test_ends_are_the_clean_and_the_covered_picture_and_batches_do_not_matter(scene) -> None:
    model, images, importance, labels = scene
    down = pixel_curve(model, images, importance, labels, "deletion", steps=4)[1]
    up = pixel_curve(model, images, importance, labels, "insertion", steps=4)[1]
    torch.testing.assert_close(down[:, 0], up[:, -1])
    torch.testing.assert_close(down[:, -1], up[:, 0])
    part = pixel_curve(
        model,
        images[2:4],
        importance[2:4],
        labels[2:4],
        "deletion",
        "noise",
        steps=4,
        index=torch.tensor([2, 3]),
    )[1]
    whole = pixel_curve(
        model, images, importance, labels, "deletion", "noise", steps=4, index=torch.arange(5)
    )[1]
    torch.testing.assert_close(part, whole[2:4])


def test_bad_settings_are_named(scene) -> None:
    model, images, importance, labels = scene
    with pytest.raises(ValueError, match="deletion or insertion"):
        pixel_curve(model, images, importance, labels, "removal")
    with pytest.raises(ValueError, match="images' shape"):
        pixel_curve(model, images, importance[:, :4], labels)
    with pytest.raises(ValueError, match="at least 1"):
        pixel_curve(model, images, importance, labels, steps=0)


def test_metric_is_the_area_that_scikit_learn_finds_under_the_mean_curve(scene) -> None:
    model, images, importance, labels = scene
    probability = pixel_curve(model, images, importance, labels, steps=6)[1]
    for mode in ("deletion", "insertion"):
        metric = PixelDeletionCurve(6, mode, per_sample=True)
        for part in probability.split(2):
            metric.update(part)
        expected = [auc(np.linspace(0, 1, 7), curve) for curve in probability.numpy()]
        assert metric.compute()[f"{mode}_auc"].item() == pytest.approx(np.mean(expected))
        assert metric.samples().tolist() == pytest.approx(expected)
    assert metric.plot()[1].get_xlabel() == "pixels changed, %"
    with pytest.raises(ValueError, match="deletion or insertion"):
        PixelDeletionCurve(6, "removal")
