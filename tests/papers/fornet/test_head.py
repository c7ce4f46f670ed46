"""FoR-Net's head: golden numbers, exact masks, straight-through gradients, limits that are known networks."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from ersm_lab.papers.fornet import FoRNetHead
from ersm_lab.papers.fornet.head import topk_masks

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "fornet_head.npz", allow_pickle=False)
CASES = sorted({key.split("/")[0] for key in GOLDEN.files})


def small_head(seed=0, **changes):
    torch.manual_seed(seed)
    return FoRNetHead(6, 5, 3, **{"channels": 8, "low_project": 4, "dilations": (1, 1, 1, 2), **changes})


def features(dtype=torch.float32, batch=2):
    generator = torch.Generator().manual_seed(1)
    high = torch.randn(batch, 6, 6, 8, generator=generator, dtype=dtype)
    return high, torch.randn(batch, 5, 12, 16, generator=generator, dtype=dtype), (48, 64)


@pytest.mark.parametrize("case", CASES)
def test_golden_values_and_gradients(case):
    """Breaks when a layer, its name, a mask or the straight-through gradient differs from the published model's."""
    g = {key.split("/", 1)[1]: GOLDEN[key] for key in GOLDEN.files if key.startswith(f"{case}/")}
    head = FoRNetHead(
        g["high"].shape[1],
        g["low"].shape[1],
        g["logits"].shape[1],
        channels=g["param/trans.0.weight"].shape[0],
        low_project=g["param/low_proj.0.weight"].shape[0],
        topk_ratios=g["topk_ratios"].tolist(),
        kernels=g["kernels"].tolist(),
        dilations=g["dilations"].tolist(),
    )
    given_state = {key[6:]: torch.from_numpy(g[key]) for key in g if key.startswith("param/")}
    loaded = head.load_state_dict(given_state, strict=False)
    assert not loaded.unexpected_keys
    assert all(key.endswith("num_batches_tracked") for key in loaded.missing_keys)
    head.train(bool(g["training"]))
    high = torch.from_numpy(g["high"]).requires_grad_()
    output = head(high, torch.from_numpy(g["low"]), g["logits"].shape[-2:])
    output.logits.square().mean().backward()
    found = {
        "logits": output.logits,
        "importance_logit": output.importance_logit,
        "masks": torch.stack(output.masks),
        "grad_high_of_mean_square_logits": high.grad,
        "grad_selector_head": head.selector.head.weight.grad,
    }
    for name, value in found.items():
        np.testing.assert_allclose(value.detach().numpy(), g[name], rtol=1e-5, atol=1e-6, err_msg=name)
    # gradients are small: an absolute tolerance alone would pass zeros
    for name in ("grad_high_of_mean_square_logits", "grad_selector_head"):
        error = np.abs(found[name].numpy() - g[name]).max()
        assert error <= 1e-4 * np.abs(g[name]).max(), name


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.lists(st.floats(0.001, 1.0), min_size=1, max_size=4),
    st.booleans(),
)
def test_masks_have_exactly_k_ones_and_are_nested(height, width, ratios, ties):
    """Breaks when ties add or drop a cell, each ratio ranks anew, or K is rounded otherwise."""
    generator = torch.Generator().manual_seed(height * 31 + width)
    score = torch.randn(3, 1, height, width, generator=generator)
    if ties:
        score = score.round()
    masks = topk_masks(score, ratios)
    cells = height * width
    for ratio, mask in zip(ratios, masks, strict=True):
        assert mask.flatten(1).sum(1).tolist() == [min(cells, max(1, round(ratio * cells)))] * 3
        assert set(mask.unique().tolist()) <= {0.0, 1.0}
        assert (
            torch.where(mask > 0, score, torch.inf).amin((1, 2, 3))
            >= torch.where(mask > 0, -torch.inf, score).amax((1, 2, 3))
        ).all()
    by_size = sorted(zip(ratios, masks, strict=True), key=lambda pair: pair[0])
    for (_, inner), (_, outer) in pairwise(by_size):
        assert (inner <= outer).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_importance_is_float32_under_autocast(dtype):
    """In half precision 960 logits share a few hundred values, and Top-K would then pick cells by their position."""
    torch.manual_seed(0)
    head = FoRNetHead(16, 4, 3, channels=64, low_project=4).eval()
    with torch.no_grad():
        head.selector.head.weight.mul_(0.01)
        head.selector.head.bias.fill_(3.0)
    high, low = torch.randn(1, 16, 30, 32), torch.randn(1, 4, 60, 64)
    with torch.no_grad(), torch.autocast("cpu", dtype=dtype):
        logit = head(high, low, (60, 64)).importance_logit
    assert logit.dtype == torch.float32
    assert len(logit.unique()) > 900
    assert len(logit.to(dtype).unique()) < 300


def test_half_precision_weights_keep_a_float32_importance():
    head = small_head().to(torch.bfloat16).eval()
    high, low, size = features(torch.bfloat16)
    output = head(high, low, size)
    assert output.importance_logit.dtype == torch.float32
    assert output.logits.dtype == torch.bfloat16


def test_the_straight_through_gradient_is_that_of_a_soft_mask():
    """``d/dS (F_ctx (M + S - sg(S))) = F_ctx``: against automatic differentiation of that very expression."""
    head = small_head().double().eval()
    high, _, _ = features(torch.float64)
    seen = head.context(head.trans(high)).detach()
    logit = torch.randn(2, 1, 6, 8, dtype=torch.float64, requires_grad=True)
    masks = head.masks(logit)
    probe = torch.randn_like(seen)
    for mask in masks:
        (found,) = torch.autograd.grad((head._masked(seen, mask, logit) * probe).sum(), logit)
        expected = (seen * probe).sum(1, keepdim=True) * logit.sigmoid() * (1 - logit.sigmoid())
        torch.testing.assert_close(found, expected.detach())
        assert torch.equal(head._masked(seen, mask, logit), seen * mask)  # exactly zeros and ones


def test_all_cells_is_the_network_without_masks():
    """Ratio 1.0 and ``selection="none"`` give the same logits; only the former sends a gradient to the selector."""
    one, none = small_head(topk_ratios=(1.0,) * 4), small_head(selection="none")
    none.load_state_dict(one.state_dict())
    high, low, size = features()
    first, second = one(high, low, size), none(high, low, size)
    assert torch.equal(first.logits, second.logits)
    assert second.masks == []
    assert all(mask.all() for mask in first.masks)
    first.logits.sum().backward()
    second.logits.sum().backward()
    assert one.selector.head.weight.grad.abs().sum() > 0
    assert none.selector.head.weight.grad is None


def test_without_branches_or_context_parts_vanish():
    """``branches=()`` is a plain decoder on F; a subset keeps the settings of its branches; no context sees F."""
    high, low, size = features()
    bare = small_head(branches=()).eval()
    projected = bare.trans(high)
    up = F.interpolate(projected, size=(12, 16), mode="bilinear", align_corners=False)
    decoded = bare.classifier(bare.decoder(torch.cat([up, bare.low_proj(low)], 1)))
    expected = F.interpolate(decoded, size=size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(bare(high, low, size).logits, expected)
    some = small_head(branches=(1, 3))
    assert some.topk_ratios == (0.2, 0.4)
    assert [branch[0].kernel_size[0] for branch in some.branches] == [3, 7]
    plain = small_head(context=False)
    assert not any(key.startswith("context") for key in plain.state_dict())
    cell = torch.randn(1, 8, 3, 3)
    assert torch.equal(plain.context(cell), cell)


def test_random_cells_change_in_training_and_stay_in_evaluation():
    head = small_head(selection="random", topk_ratios=(0.5,) * 4)
    high, low, size = features()
    first, second = (head(high, low, size) for _ in range(2))
    assert first.masks[0].flatten(1).sum(1).tolist() == [24, 24]
    assert not torch.equal(first.masks[0], second.masks[0])
    first.logits.sum().backward()
    assert head.selector.head.weight.grad is None  # chance teaches nothing
    head.eval()
    together = head(high, low, size)
    alone = head(high[1:], low[1:], size)
    assert torch.equal(together.masks[0][1:], alone.masks[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"topk_ratios": (0.1, 0.2)},
        {"topk_ratios": (0.0, 0.2, 0.3, 0.4)},
        {"topk_ratios": (0.1, 0.2, 0.3, 1.1)},
        {"kernels": (1, 2, 5, 7)},
        {"selection": "best"},
        {"channels": 7},
        {"branches": (4,)},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        small_head(**wrong)
