"""The energy mask in the modes that training and evaluation put it into; its refinement against a dense
oracle.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ersm_lab.bench.references import energy_mask as reference
from ersm_lab.papers.ersm import EnergyMask, energy_regularizer
from ersm_lab.papers.ersm.schema import PAIRWISE
from ersm_lab.papers.ersm.tokens import statistics_plain, token_statistics


def layer(channels, grid, patch=1, dtype=torch.float64, **settings):
    torch.manual_seed(0)
    return EnergyMask(channels, grid, patch, **settings).to(dtype)


def gradients(mask, x):
    out = mask(x)
    return torch.autograd.grad(
        energy_regularizer(out) + out.features.square().sum(), [x, mask.weight, mask.bias]
    )


@pytest.mark.parametrize("pairwise", PAIRWISE)
def test_an_indivisible_map_is_the_padded_map_cropped(pairwise):
    """Breaks when padding is put elsewhere than right and below, or enters a gradient it should not."""
    mask = layer(3, (3, 2), 2, pairwise=pairwise, bias="position", lambda_unary=0.3, gamma_pairwise=0.5)
    x = torch.randn(2, 3, 5, 3, dtype=torch.float64, requires_grad=True)
    out = mask(x)
    ours = gradients(mask, x)
    padded = F.pad(x, (0, 1, 0, 1))
    masked, keep, z, energy, reg = reference(padded, mask.weight, mask.bias, 2, 0.3, 0.5, 1.0, pairwise)
    cropped = masked[:, :, :5, :3]
    theirs = torch.autograd.grad(reg + cropped.square().sum(), [x, mask.weight, mask.bias])
    for a, b in zip((*out[:4], *ours), (cropped, keep, z, energy, *theirs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("grid", [(14, 14), (1, 9), (9, 1), (1, 1), (3, 40), (70, 2)])
def test_grids_of_several_bands(grid):
    """Breaks when neighbours across a band of rows, or on a grid of one row or column, are lost."""
    mask = layer(3, grid, pairwise="redundancy", lambda_unary=0.3, gamma_pairwise=0.5)
    x = torch.randn(2, 3, *grid, dtype=torch.float64, requires_grad=True)
    *_, energy, reg = reference(x, mask.weight, mask.bias, 1, 0.3, 0.5, 1.0, "redundancy")
    out = mask(x)
    torch.testing.assert_close(out.energy, energy, rtol=1e-10, atol=1e-12)
    ours = torch.autograd.grad(energy_regularizer(out), x)[0]
    torch.testing.assert_close(ours, torch.autograd.grad(reg, x)[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("pairwise", PAIRWISE)
def test_training_after_inference_mode(pairwise):
    """Breaks when something cached in inference mode is saved for a backward pass."""
    mask = layer(3, (5, 7), pairwise=pairwise)
    x = torch.randn(2, 3, 5, 7, dtype=torch.float64, requires_grad=True)
    with torch.inference_mode():
        inside = mask(x.detach().clone()).logit.clone()
    torch.testing.assert_close(mask(x).logit.detach(), inside.clone())
    assert all(torch.isfinite(g).all() for g in gradients(mask, x))


@pytest.mark.parametrize("pairwise", PAIRWISE)
def test_frozen_features_train_the_mask_alike(pairwise):
    """Breaks when the weight's gradient depends on whether the features want one (a frozen backbone)."""
    mask = layer(3, (4, 4), pairwise=pairwise, gamma_pairwise=0.5)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    _, weight, bias = gradients(mask, x)
    out = mask(x.detach())
    loss = energy_regularizer(out) + out.features.square().sum()
    frozen = torch.autograd.grad(loss, [mask.weight, mask.bias])
    torch.testing.assert_close(frozen, (weight, bias))


@pytest.mark.parametrize("pairwise", PAIRWISE)
def test_backward_twice_through_one_graph(pairwise):
    """Breaks when the backward pass writes into what it saved, or into the caller's gradient."""
    mask = layer(3, (4, 4), pairwise=pairwise, gamma_pairwise=0.5)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    out = mask(x)
    probe = torch.randn_like(x)
    kept = probe.clone()
    outputs = [out.features, energy_regularizer(out)]
    ones = torch.ones_like(outputs[1])
    first = torch.autograd.grad(outputs, x, [probe, ones], retain_graph=True)[0].clone()
    second = torch.autograd.grad(outputs, x, [probe, ones])[0]
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert torch.equal(probe, kept)


def test_a_forced_mask_takes_the_place_of_keep_prob():
    """Breaks when the forced mask touches the score, or the features' gradient still follows keep_prob."""
    mask = layer(3, (2, 3), 2)
    x = torch.randn(2, 3, 4, 6, dtype=torch.float64, requires_grad=True)
    forced = torch.tensor([[1.0, 0, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0]], dtype=torch.float64)
    out = mask(x, forced)
    free = mask(x)
    torch.testing.assert_close(out.keep_prob, free.keep_prob)
    torch.testing.assert_close(out.energy, free.energy)
    spread = forced.view(2, 1, 2, 3).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(out.features, x * spread)
    torch.testing.assert_close(torch.autograd.grad(out.features.sum(), x)[0], spread.expand_as(x))
    with pytest.raises(ValueError, match="forced_mask"):
        mask(x, forced[:, :5])


def test_zero_tokens_have_finite_gradients():
    """Breaks at |t| = 0 (after a ReLU whole tokens are zero): the norm's gradient there is 0, not 0 / 0."""
    for pairwise in PAIRWISE:
        mask = layer(3, (3, 3), pairwise=pairwise)
        x = torch.zeros(1, 3, 3, 3, dtype=torch.float64, requires_grad=True)
        assert all(torch.isfinite(g).all() for g in gradients(mask, x))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gradients(dtype):
    """Breaks when the mask's gradient is summed over channels in half precision."""
    mask = layer(64, (4, 4), dtype=torch.float32, pairwise="redundancy")
    x = torch.randn(2, 64, 4, 4).to(dtype).requires_grad_()
    half = gradients(mask, x)
    full = gradients(mask, x.detach().float().requires_grad_())
    assert half[0].dtype == dtype
    for a, b in zip(half, full, strict=True):
        torch.testing.assert_close(a.float(), b, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("steps", [1, 3])
def test_refinement_equals_dense_mean_field_steps(steps):
    """Breaks when affinities, their normalisation or the sign of z differ from the docstring's equation."""
    rows, columns = 3, 4
    mask = layer(
        2, (rows, columns), bias_init=0.1, temperature=0.7, refine_steps=steps, refine_strength=0.8
    ).eval()
    x = torch.randn(1, 2, rows, columns, dtype=torch.float64)
    unit = x.flatten(2)[0].T
    unit = unit / (unit.norm(dim=1, keepdim=True) + 1e-6)
    place = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    near = (place[:, None] - place[None]).abs().amax(-1) == 1
    affinity = (unit @ unit.T).clamp(min=0) * near
    start = z = unit @ mask.weight + mask.bias
    for _ in range(steps):
        side = 2 * torch.sigmoid(-z / 0.7) - 1
        z = start - 0.8 * (affinity @ side) / affinity.sum(1).clamp(min=1e-300)
    torch.testing.assert_close(mask(x).logit[0], z)
    torch.testing.assert_close(mask.train()(x).logit[0], start)


@pytest.mark.parametrize("grid", [(3, 4), (1, 5), (6, 1)])
def test_both_forms_of_the_statistics_agree(grid):
    """Breaks when the eager and the compiled form differ, or a pair reaches beyond the grid."""
    tokens = torch.randn(2, 3, grid[0] * grid[1], dtype=torch.float64)
    weight = torch.randn(3, dtype=torch.float64)
    _, *eager = token_statistics(tokens, weight, grid, True)
    for ours, plain in zip(eager, statistics_plain(tokens, weight, grid, True), strict=True):
        torch.testing.assert_close(ours, plain)
