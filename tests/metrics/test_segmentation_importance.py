"""Importance maps against scikit-learn's average precision and counted borders."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import ndimage
from sklearn.metrics import average_precision_score
from torch.nn import functional as F

from ersm_lab.metrics.boundaries import border_distance, class_edges
from ersm_lab.metrics.importance import (
    ImportanceQuality,
    average_precision,
    score_histogram,
    uncertainty,
)


def scene(seed=0, size=(24, 32), classes=4):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, classes, (2, 6, 8), generator=generator)
    target = coarse.repeat_interleave(4, 1).repeat_interleave(4, 2)
    logits = F.one_hot(target, classes).permute(0, 3, 1, 2) * 1.5 + torch.randn(
        2, classes, *size, generator=generator
    )
    target[:, :3] = 255
    return logits, target, torch.randn(2, 1, 6, 8, generator=generator)


def test_binned_average_precision_is_scikit_learns():
    """Breaks when ties, the direction of the score or the end bins are treated otherwise."""
    generator = torch.Generator().manual_seed(0)
    event = torch.rand(5000, generator=generator) < 0.2
    score = torch.randn(5000, generator=generator) * 4 + event
    exact = average_precision_score(event.numpy(), score.numpy())
    assert float(average_precision(score_histogram(score, event))) == pytest.approx(exact, abs=2e-3)
    tied = (score * 4).round() / 4
    exact = average_precision_score(event.numpy(), tied.clamp(-16, 15.99).numpy())
    assert float(average_precision(score_histogram(tied, event))) == pytest.approx(exact, abs=1e-12)
    assert math.isnan(float(average_precision(score_histogram(score, torch.zeros(5000, dtype=torch.bool)))))


def test_uncertainty_ranks_as_one_minus_the_largest_probability():
    logits = torch.randn(1, 5, 6, 7, dtype=torch.float64)
    expected = 1 - logits.softmax(1).amax(1)
    torch.testing.assert_close(uncertainty(logits).double().sigmoid(), expected, rtol=1e-5, atol=1e-6)


def test_border_distance():
    labels = torch.zeros(2, 3, 9, dtype=torch.int64)
    labels[0, :, 5:] = 1
    assert border_distance(labels)[0, 1].tolist() == [4, 3, 2, 1, 0, 0, 1, 2, 3]
    assert border_distance(labels)[1].isinf().all()


def test_quality_is_counted_over_valid_pixels():
    """Breaks when pixels to ignore count, or errors, borders and cells are taken at other places than the maps'."""
    logits, target, importance = scene()
    masks = [(importance > 1).float(), (importance > 0).float()]
    metric = ImportanceQuality((0.1, 0.5))
    metric.update(logits, target, importance, masks)
    found = {name: float(value) for name, value in metric.compute().items()}
    valid = target != 255
    errors = (logits.argmax(1) != target)[valid].numpy()
    border = class_edges(target, valid) & valid
    up = F.interpolate(importance, size=target.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
    near = torch.stack(
        [
            torch.from_numpy(
                -ndimage.distance_transform_edt(~class_edges(p, torch.ones_like(p, dtype=torch.bool)).numpy())
            )
            for p in logits.argmax(1)
        ]
    )
    scores = {
        "importance": up,
        "uncertainty": 1 - logits.softmax(1).amax(1),
        "nearness": near,
    }
    for name, score in scores.items():
        for event, truth in (("errors", errors), ("boundaries", border[valid].numpy())):
            exact = average_precision_score(truth, score[valid].numpy())
            assert found[f"{name}_ap_{event}"] == pytest.approx(exact, abs=5e-3), (name, event)
    assert found["base_rate_errors"] == pytest.approx(errors.mean())
    assert found["base_rate_boundaries"] == pytest.approx(float(border[valid].double().mean()))
    for ratio, mask in zip((0.1, 0.5), masks, strict=True):
        inside = mask[:, 0].repeat_interleave(4, 1).repeat_interleave(4, 2).bool()
        assert found[f"coverage_{ratio}"] == pytest.approx(float((inside & border).sum() / border.sum()))
        assert found[f"coverage_chance_{ratio}"] == pytest.approx(float((inside & valid).sum() / valid.sum()))


def test_networks_without_importance_have_the_other_scores():
    logits, target, _ = scene(1)
    metric = ImportanceQuality()
    metric.update(logits, target, None)
    found = metric.compute()
    assert found["importance_ap_errors"].isnan()
    assert 0 < float(found["uncertainty_ap_errors"]) < 1
