"""Localisation scores against pixels: scikit-learn on the upsampled map, and cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F

from ersm_lab.metrics.localisation import (
    MaskLocalisation,
    energy_inside,
    mask_auroc,
    matched_area_iou,
    pointing_game,
    token_counts,
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    extra_h=st.integers(0, 13),
    extra_w=st.integers(0, 13),
    levels=st.integers(1, 5),
    seed=st.integers(0, 10_000),
)
def test_auroc_is_that_of_the_upsampled_pixels(rows, columns, extra_h, extra_w, levels, seed):
    """Breaks when ties, the order of tokens, or the pixels of a token on indivisible maps are off."""
    generator = torch.Generator().manual_seed(seed)
    height, width = rows + extra_h, columns + extra_w
    score = torch.randint(levels, (3, rows * columns), generator=generator).float()
    mask = torch.rand(3, height, width, generator=generator) < 0.3
    nearest = F.interpolate(score.view(3, 1, rows, columns), size=(height, width), mode="nearest")
    for found, truth, values in zip(mask_auroc(score, mask, (rows, columns)), mask, nearest, strict=True):
        if truth.all() or not truth.any():
            assert math.isnan(found)
        else:
            expected = roc_auc_score(truth.flatten().numpy(), values.flatten().numpy())
            assert float(found) == pytest.approx(expected, abs=1e-12)


def test_auroc_of_a_perfect_a_reversed_and_a_constant_score():
    """Breaks when high and low scores change places (keep probability and z have opposite signs)."""
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[0, :2, :2] = True
    score = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    for sign, expected in ((1, 1.0), (-1, 0.0), (0, 0.5)):
        assert mask_auroc(sign * score, mask, (2, 2)).item() == expected


def test_a_score_with_nan_has_no_auroc():
    """Breaks when a NaN is sorted to one end and counted as a very good score."""
    mask = torch.eye(2, dtype=torch.bool)[None]
    assert mask_auroc(torch.tensor([[1.0, 0.0, torch.nan, 1.0]]), mask, (2, 2)).isnan().all()


def test_pointing_game_reads_the_centre_pixel():
    """Breaks when any pixel of the best token counts as a hit, or tied tokens are not averaged."""
    mask = torch.zeros(1, 6, 6, dtype=torch.bool)
    mask[0, 1, 1] = True  # the centre of the first of 2 x 2 tokens
    assert pointing_game(torch.tensor([[1.0, 0, 0, 0]]), mask, (2, 2)).item() == 1
    assert pointing_game(torch.tensor([[0.0, 1, 0, 0]]), mask, (2, 2)).item() == 0
    assert pointing_game(torch.ones(1, 4), mask, (2, 2)).item() == 0.25
    beside = torch.roll(mask, 1, dims=2)
    assert pointing_game(torch.tensor([[1.0, 0, 0, 0]]), beside, (2, 2)).item() == 0
    assert pointing_game(torch.ones(1, 4), torch.zeros_like(mask), (2, 2)).isnan().all()


def test_every_pixel_belongs_to_one_token():
    """Breaks when a token of an indivisible map loses or doubles pixels."""
    inside, pixels = token_counts(torch.ones(1, 7, 5, dtype=torch.bool), (3, 2))
    assert torch.equal(inside[0], pixels)
    assert pixels.sum() == 35


def test_metric_does_not_depend_on_batches_and_skips_the_undefined():
    """Breaks when means of batches are averaged, or an image without an object counts as 0."""
    generator = torch.Generator().manual_seed(0)
    score = torch.rand(23, 9, generator=generator)
    mask = torch.rand(23, 12, 12, generator=generator) < 0.2
    mask[3] = False
    mask[7] = True
    found = []
    for size in (1, 4, 23):
        metric = MaskLocalisation((3, 3))
        for s, m in zip(score.split(size), mask.split(size), strict=True):
            metric.update(s, m)
        found.append([float(value) for value in metric.compute().values()])
    expected = [
        float(f(score, mask, (3, 3)).nanmean())
        for f in (mask_auroc, pointing_game, matched_area_iou, energy_inside)
    ]
    for values in found:
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_metric_without_data_is_nan():
    """Breaks when an empty evaluation reports a number."""
    metric = MaskLocalisation((3, 3))
    with pytest.warns(UserWarning, match="before"):
        assert all(math.isnan(value) for value in metric.compute().values())


@pytest.mark.parametrize(
    ("score", "mask", "words"),
    [
        (torch.ones(2, 5), torch.ones(2, 8, 8, dtype=torch.bool), "score"),
        (torch.ones(2, 4), torch.ones(2, 8, 8), "bool"),
        (torch.ones(2, 4), torch.ones(3, 8, 8, dtype=torch.bool), "mask"),
        (torch.ones(2, 4), torch.ones(2, 1, 8, dtype=torch.bool), "smaller"),
    ],
)
def test_wrong_shapes_are_named(score, mask, words):
    """Breaks when broadcasting makes a number of shapes that do not belong together."""
    for function in (mask_auroc, pointing_game, matched_area_iou, energy_inside):
        with pytest.raises(ValueError, match=words):
            function(score, mask, (2, 2))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), tied=st.booleans())
def test_matched_area_iou_is_the_mean_over_random_choices_of_tied_pixels(seed, tied):
    """Breaks when ties are broken by place, or when more or fewer pixels than the object has are taken."""
    rng = np.random.default_rng(seed)
    mask = torch.from_numpy(rng.random((1, 6, 6)) < 0.4)
    score = torch.from_numpy(rng.integers(0, 3 if tied else 10**6, (1, 9)).astype(np.float32))
    pixels = F.interpolate(score.view(1, 1, 3, 3), size=(6, 6), mode="nearest").flatten().numpy()
    inside, area = mask.flatten().numpy(), int(mask.sum())
    if area == 0:
        assert matched_area_iou(score, mask, (3, 3)).isnan().all()
        return
    # the expected hits of a random choice: whole groups above the threshold, an even part of the one that overshoots
    threshold = np.sort(pixels)[::-1][area - 1]
    above, tie = pixels > threshold, pixels == threshold
    hits = inside[above].sum() + inside[tie].sum() * (area - above.sum()) / tie.sum()
    assert matched_area_iou(score, mask, (3, 3)).item() == pytest.approx(hits / (2 * area - hits))


def test_energy_inside_is_the_share_of_the_upsampled_saliency():
    """Breaks when tokens are weighted by their number and not by their pixels, or when the scale matters."""
    generator = torch.Generator().manual_seed(2)
    saliency, mask = torch.rand(5, 6, generator=generator), torch.rand(5, 7, 8, generator=generator) < 0.3
    rows, columns = torch.arange(7) * 2 // 7, torch.arange(8) * 3 // 8
    pixels = saliency.view(5, 2, 3)[:, rows][:, :, columns].double()
    expected = (pixels * mask).sum((1, 2)) / pixels.sum((1, 2))
    torch.testing.assert_close(energy_inside(saliency, mask, (2, 3)), expected)
    torch.testing.assert_close(energy_inside(saliency * 1e-6, mask, (2, 3)), expected, rtol=1e-5, atol=0)
    with pytest.raises(ValueError, match="not negative"):
        energy_inside(saliency - 1, mask, (2, 3))
