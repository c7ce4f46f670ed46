"""The seam test against pixel-by-pixel loops, and on errors whose seams are known."""

from __future__ import annotations

import math

import pytest
import torch

from ersm_lab.metrics import SeamTest
from ersm_lab.metrics.seams import DISTANCES, distance_bins, seam_counts, seam_excess, seam_pixels


def test_seam_pixels_by_brute_force():
    """Breaks when a border is marked on one side only, or the image's edge is taken for one."""
    torch.manual_seed(0)
    masks = [torch.rand(2, 1, 4, 5) > 0.6, torch.rand(2, 1, 4, 5) > 0.3]
    found = seam_pixels(masks, (12, 15))
    up = [mask.repeat_interleave(3, 2).repeat_interleave(3, 3)[:, 0] for mask in masks]
    for b in range(2):
        for r in range(12):
            for c in range(15):
                near = any(
                    len(mask[b, max(0, r - 1) : r + 2, max(0, c - 1) : c + 2].unique()) > 1 for mask in up
                )
                assert bool(found[b, r, c]) is near


def test_distance_bins_by_brute_force():
    torch.manual_seed(1)
    target = torch.randint(0, 3, (1, 4, 5)).repeat_interleave(9, 1).repeat_interleave(9, 2)
    target[0, :4] = 255
    bins = distance_bins(target)
    edges = [
        (r, c)
        for r in range(36)
        for c in range(45)
        if len(set(target[0, max(0, r - 1) : r + 2, max(0, c - 1) : c + 2].flatten().tolist()) - {255}) > 1
    ]
    for r in range(0, 36, 5):
        for c in range(0, 45, 4):
            away = min(math.hypot(r - i, c - j) for i, j in edges)
            assert int(bins[0, r, c]) == sum(away > limit for limit in DISTANCES)


def test_counts_are_by_bin_and_side():
    wrong = torch.tensor([[[True, False, True, True]]])
    seams = torch.tensor([[[True, True, False, False]]])
    bins = torch.tensor([[[0, 0, 0, 1]]])
    valid = torch.tensor([[[True, True, True, False]]])
    counts = seam_counts(wrong, seams, bins, valid, count=2)
    assert counts.tolist() == [[[[1, 1], [2, 1]], [[0, 0], [0, 0]]]]


def test_excess_is_matched_by_distance():
    """Errors that depend on the distance alone leave no seam, though most seams lie where errors are: breaks without matching."""
    pixels = torch.tensor([[100, 900], [800, 200]])
    errors = torch.tensor([[50, 450], [80, 20]])
    assert float(seam_excess(torch.stack([pixels, errors], -1))) == 0
    errors[0, 1] += 90  # ten percent of the 900 at seams
    expected = 0.1 * 900 / 1100
    counts = torch.stack([pixels, errors], -1)
    assert float(seam_excess(counts)) == pytest.approx(expected)
    assert float(seam_excess(counts, counts)) == 0
    assert math.isnan(float(seam_excess(torch.zeros(2, 2, 2))))


def test_a_network_with_seams_is_found_and_its_control_is_not():
    torch.manual_seed(0)
    target = torch.randint(0, 2, (3, 4, 4)).repeat_interleave(24, 1).repeat_interleave(24, 2)
    masks = [torch.rand(3, 1, 8, 8) > 0.5]
    control = torch.where(torch.rand(target.shape) < 0.2, 1 - target, target)
    seams = seam_pixels(masks, target.shape[-2:])
    prediction = torch.where(seams & (torch.rand(target.shape) < 0.5), 1 - control, control)
    metric = SeamTest()
    for i in range(3):
        metric.update(prediction[i : i + 1], target[i : i + 1], [masks[0][i : i + 1]], control[i : i + 1])
    found = metric.compute()
    # half of the pixels at seams flipped: 0.2 becomes 0.5
    assert float(found["seam_excess"]) == pytest.approx(0.3, abs=0.02)
    assert float(found["seam_excess_over_control"]) == pytest.approx(0.3, abs=0.02)
    clean = SeamTest()
    clean.update(control, target, masks, control)
    assert abs(float(clean.compute()["seam_excess"])) < 0.02
    with pytest.raises(ValueError, match="no seams"):
        clean.update(control, target, [])
    clean.update(control, target, masks)
    with pytest.raises(ValueError, match="paired with all or none"):
        clean.compute()


def test_kept_counts_are_those_of_each_image():
    """Breaks when samples are summed, change places, or a control's are taken for the model's."""
    torch.manual_seed(0)
    target = torch.randint(0, 2, (3, 4, 4)).repeat_interleave(12, 1).repeat_interleave(12, 2)
    control = torch.where(torch.rand(target.shape) < 0.2, 1 - target, target)
    prediction = torch.where(torch.rand(target.shape) < 0.4, 1 - target, target)
    masks = [torch.rand(3, 1, 8, 8) > 0.5]
    metric = SeamTest(per_sample=True)
    metric.update(prediction[:2], target[:2], [masks[0][:2]], control[:2])
    metric.update(prediction[2:], target[2:], [masks[0][2:]], control[2:])
    found = metric.samples()
    for name, classes in (("model", prediction), ("control", control)):
        for i in range(3):
            one = SeamTest(per_sample=True)
            one.update(classes[i : i + 1], target[i : i + 1], [masks[0][i : i + 1]])
            assert one.samples().keys() == {"model"}
            assert (found[name][i] == one.counts).all()
