"""Bands, boundary IoU, boundary F and trimaps against the loops that define them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.morphology import disk

from ersm_lab.metrics.boundaries import band_width, class_edges, edge_ring, label_band
from ersm_lab.metrics.boundary_matching import boundary_f, boundary_matches, disk_radius
from ersm_lab.metrics.cityscapes_scores import CityscapesScores


def patches(rng, size, labels):
    coarse = rng.integers(0, labels, (size[0] // 3 + 1, size[1] // 3 + 1))
    return np.kron(coarse, np.ones((3, 3), dtype=int))[: size[0], : size[1]].astype(np.uint8)


def mask_to_boundary(mask, distance):
    """The reference of Boundary IoU: a class mask minus its erosion, outside the image there is nothing."""
    padded = np.pad(mask, 1)
    eroded = ndimage.binary_erosion(padded, np.ones((3, 3)), iterations=distance)[1:-1, 1:-1]
    return mask & ~eroded


@pytest.mark.parametrize("distance", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [(5, 7), (23, 31), (16, 40)])
def test_the_window_rule_is_the_loop_over_classes(size, distance):
    """Breaks when a window is off by one on a side, or the image's border is no border."""
    labels = patches(np.random.default_rng(distance), size, 4)
    expected = np.zeros(size, dtype=bool)
    for c in range(4):
        expected |= mask_to_boundary(labels == c, distance)
    assert (label_band(torch.from_numpy(labels), distance).numpy() == expected).all()


def test_edges_between_valid_classes_and_their_rings():
    """Breaks when pixels to ignore, or the image's border, make an edge; or rings are not nested windows."""
    rng = np.random.default_rng(0)
    labels = patches(rng, (20, 27), 4)
    valid = labels != 3
    ring = edge_ring(torch.from_numpy(labels), torch.from_numpy(valid), (1, 2, 5))
    for i, width in enumerate((1, 2, 5)):
        expected = np.zeros(labels.shape, dtype=bool)
        for y, x in np.ndindex(labels.shape):
            rows, columns = (slice(max(0, p - width), p + width + 1) for p in (y, x))
            window, counted = labels[rows, columns], valid[rows, columns]
            for first, second in (
                ((slice(None), slice(1, None)), (slice(None), slice(-1))),
                ((slice(1, None),), (slice(-1),)),
            ):
                differ = (window[first] != window[second]) & counted[first] & counted[second]
                expected[y, x] |= differ.any()
        assert (ring.numpy() <= i).tolist() == expected.tolist()
        assert (
            class_edges(torch.from_numpy(labels), torch.from_numpy(valid), width).numpy() == expected
        ).all()
    with pytest.raises(ValueError, match="ascend"):
        edge_ring(torch.from_numpy(labels), torch.from_numpy(valid), (2, 1))


def scene(rng, size=(40, 64)):
    """LabelIds with void, and a prediction."""
    labels = np.array([0, 7, 11, 17, 24, 26, 29], dtype=np.uint8)
    truth = labels[patches(rng, size, len(labels))]
    prediction = np.roll(truth, 1, 1)
    spoiled = rng.random(size) < 0.05
    prediction[spoiled] = rng.choice(labels, spoiled.sum())
    return truth, prediction


def test_boundary_iou_is_the_loop_over_classes_in_sums_over_the_set():
    """Breaks when a band is taken of labels as grey levels, per image, or void pixels are counted."""
    rng = np.random.default_rng(1)
    scores = CityscapesScores(boundary_ratio=0.03, f_ratios=(), trimap_widths=())
    both, either = dict.fromkeys(range(34), 0), dict.fromkeys(range(34), 0)
    for _ in range(3):
        truth, prediction = scene(rng)
        scores.update(torch.from_numpy(prediction)[None], torch.from_numpy(truth)[None])
        void = np.isin(truth, (0, 29))
        width = band_width(*truth.shape, 0.03)
        assert width == 2
        for c in (7, 11, 17, 24, 26):
            first = mask_to_boundary(truth == c, width)
            second = mask_to_boundary((prediction == c) & ~void, width)
            both[c] += (first & second).sum()
            either[c] += (first | second).sum()
    found = scores.compute()
    for c, name in ((7, "road"), (11, "building"), (17, "pole"), (24, "person"), (26, "car")):
        assert float(found[f"boundary_iou/{name}"]) == pytest.approx(both[c] / either[c], abs=1e-12)
    thin = (both[17] / either[17] + both[24] / either[24]) / 2
    assert float(found["thin_boundary_iou"]) == pytest.approx(thin, abs=1e-12)


def davis_border(mask):
    """``seg2bmap`` of DAVIS at full resolution."""
    right, below, across = (np.zeros_like(mask) for _ in range(3))
    right[:, :-1], below[:-1], across[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
    border = mask ^ right | mask ^ below | mask ^ across
    border[-1] = mask[-1] ^ right[-1]
    border[:, -1] = mask[:, -1] ^ below[:, -1]
    border[-1, -1] = False
    return border


def davis_f(prediction, truth, radius):
    """``db_eval_boundary`` of DAVIS."""
    first, second = davis_border(prediction), davis_border(truth)
    if not first.any() and not second.any():
        return math.nan  # 1 in DAVIS
    if not first.any() or not second.any():
        return 0.0
    precision = (first & ndimage.binary_dilation(second, disk(radius))).sum() / first.sum()
    recall = (second & ndimage.binary_dilation(first, disk(radius))).sum() / second.sum()
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("seed", range(4))
def test_boundary_f_is_davis_for_every_class(seed):
    """Breaks when a border, a disk or an empty class follows another rule than DAVIS'."""
    rng = np.random.default_rng(seed)
    truth = patches(rng, tuple(rng.integers(12, 50, 2)), 4)
    prediction = np.roll(truth, rng.integers(0, 3, 2), (0, 1))
    prediction[rng.random(truth.shape) < 0.02] = 4
    radii = (0, 1, 2, 4)
    found = boundary_f(boundary_matches(prediction, truth, 6, radii))
    expected = [[davis_f(prediction == c, truth == c, r) for r in radii] for c in range(6)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12, equal_nan=True)


def test_borders_with_pixels_to_ignore_do_not_count():
    """A column of void between two halves leaves no border at all, wherever the prediction puts its own inside it."""
    truth = np.zeros((12, 12), dtype=np.uint8)
    truth[:, 6:] = 1
    truth[:, 4:8] = 255
    prediction = np.where(truth == 255, 255, truth)
    matches = boundary_matches(prediction, truth, 2, (1,))
    assert matches.true.sum() == matches.predicted.sum() == 0


def test_boundary_f_over_a_set_is_the_mean_over_images():
    rng = np.random.default_rng(7)
    scores = CityscapesScores(f_ratios=(0.01, 0.04), trimap_widths=())
    values = []
    for _ in range(3):
        truth, prediction = scene(rng)
        truth[np.isin(truth, (0, 29))] = 7
        prediction[np.isin(prediction, (0, 29))] = 7
        scores.update(torch.from_numpy(prediction)[None], torch.from_numpy(truth)[None])
        values.append(davis_f(prediction == 17, truth == 17, disk_radius(*truth.shape, 0.04)))
    assert float(scores.compute()["boundary_f_0.04/pole"]) == pytest.approx(np.nanmean(values), abs=1e-12)


def test_trimap_iou_counts_pixels_near_true_borders_only():
    """Breaks when a band reaches another width, or predictions outside the band count."""
    truth = np.full((20, 30), 7, dtype=np.uint8)
    truth[:, 15:] = 11
    prediction = truth.copy()
    prediction[:, 17] = 7  # 2 pixels right of the border: outside a band of width 1
    prediction[:, 0] = 11  # far away from every border
    scores = CityscapesScores(f_ratios=(), trimap_widths=(1, 3))
    scores.update(torch.from_numpy(prediction)[None], torch.from_numpy(truth)[None])
    found = scores.compute()
    assert float(found["trimap_iou_1px"]) == 1
    # width 3 holds columns 12 to 17: road 3 + 1 wrong, building 3 of which 1 is lost
    assert float(found["trimap_iou_3px"]) == pytest.approx((3 / 4 + 2 / 3) / 2)
