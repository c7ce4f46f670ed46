"""The energy mask against golden numbers, a plain transcription, limits and gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from ersm_lab.bench.references import energy_mask as reference
from ersm_lab.papers.ersm import EnergyMask, energy_regularizer
from ersm_lab.papers.ersm.pooling import masked_mean_pool, mean_pool
from ersm_lab.papers.ersm.schema import PAIRWISE

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "ersm_layer.npz", allow_pickle=False)
CASES = sorted({key.split("/")[0] for key in GOLDEN.files})


def layer(channels, grid, patch=1, dtype=torch.float32, **settings):
    torch.manual_seed(0)
    return EnergyMask(channels, grid, patch, **settings).to(dtype)


@pytest.mark.parametrize("case", CASES)
def test_golden_values_and_gradients(case):
    """Breaks when a sign, a neighbour, the order of channels or a softplus of the published layer changes."""
    g = {key.split("/")[1]: GOLDEN[key] for key in GOLDEN.files if key.startswith(f"{case}/")}
    x = torch.from_numpy(g["x"]).requires_grad_()
    p = int(g["patch_size"])
    grid = (x.shape[2] // p, x.shape[3] // p)
    mask = EnergyMask(
        x.shape[1],
        grid,
        p,
        float(g["lambda_unary"]),
        float(g["gamma_pairwise"]),
        float(g["temperature"]),
        pairwise="redundancy",
        bias="position",
    )
    with torch.no_grad():
        mask.weight.copy_(torch.from_numpy(g["weight"][0]))
        mask.bias.copy_(torch.from_numpy(g["bias"][0]))
    out = mask(x)
    reg = energy_regularizer(out)
    (reg + out.features.square().mean()).backward()
    found = {
        "logit_z": out.logit,
        "keep_prob": out.keep_prob,
        "energy": out.energy,
        "masked": out.features,
        "regularizer": reg,
        "grad_x_of_reg_plus_mean_square": x.grad,
        "grad_weight": mask.weight.grad[None],
        "grad_bias": mask.bias.grad[None],
    }
    for name, value in found.items():
        np.testing.assert_allclose(value.detach().numpy(), g[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("pairwise", PAIRWISE)
@pytest.mark.parametrize("patch", [1, 2])
def test_equals_the_transcription_with_gradients(pairwise, patch):
    """Breaks when the fast neighbour products or their hand-written backward pass differ from the loop."""
    mask = layer(
        5,
        (3, 4),
        patch,
        torch.float64,
        pairwise=pairwise,
        lambda_unary=0.3,
        gamma_pairwise=0.7,
        temperature=0.8,
    )
    x = torch.randn(3, 5, 3 * patch, 4 * patch, dtype=torch.float64, requires_grad=True)
    probe = torch.randn(3, 5, 3 * patch, 4 * patch, dtype=torch.float64)
    out = mask(x)
    parameters = [x, mask.weight, mask.bias]
    ours = torch.autograd.grad(energy_regularizer(out) + (out.features * probe).sum(), parameters)
    masked, keep, z, energy, reg = reference(x, mask.weight, mask.bias, patch, 0.3, 0.7, 0.8, pairwise)
    theirs = torch.autograd.grad(reg + (masked * probe).sum(), parameters)
    for a, b in [
        (out.features, masked),
        (out.keep_prob, keep),
        (out.logit, z),
        (out.energy, energy),
        *zip(ours, theirs, strict=True),
    ]:
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("pairwise", PAIRWISE)
@pytest.mark.parametrize("bias", ["shared", "position"])
def test_gradcheck(pairwise, bias):
    """Breaks when a gradient, in eager mode, is not that of its function; an indivisible map is included."""
    mask = layer(
        3, (2, 2), 2, torch.float64, pairwise=pairwise, bias=bias, gamma_pairwise=0.5, lambda_unary=0.2
    )

    def loss(x, weight, b):
        out = torch.func.functional_call(mask, {"weight": weight, "bias": b}, (x,))
        return out.features, energy_regularizer(out)

    x = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, (x, mask.weight, mask.bias))


@pytest.mark.parametrize("patch", [1, 2])
def test_gradients_reach_features_through_every_output(patch):
    """Breaks when the shared gradient buffer of the eager path drops or doubles one use of the features."""
    mask = layer(4, (4, 4), patch, torch.float64, pairwise="redundancy", gamma_pairwise=0.5)
    x = torch.randn(2, 4, 4 * patch, 4 * patch, dtype=torch.float64, requires_grad=True)
    out = mask(x)
    parts = [out.features.sum(), out.logit.square().sum(), out.energy.sum(), x.pow(3).sum()]
    together = torch.autograd.grad(sum(parts), x, retain_graph=True)[0]
    apart = sum(torch.autograd.grad(part, x, retain_graph=True)[0] for part in parts)
    torch.testing.assert_close(together, apart)


def test_unary_cost_is_an_entropy_at_unit_temperature():
    """m softplus(z) = -m ln m: breaks when z's sign or the temperature enters wrongly."""
    out = layer(6, (5, 5), gamma_pairwise=0, pairwise="none", lambda_unary=1.0)(torch.randn(2, 6, 5, 5))
    torch.testing.assert_close(out.keep_prob * out.energy, -out.keep_prob * out.keep_prob.log())


def test_mask_of_ones_is_the_plain_classifier():
    """Breaks when a forced mask of ones changes features, or masked-mean pooling is not the mean then."""
    x = torch.randn(2, 4, 5, 7)
    mask = layer(4, (3, 4), 2)
    ones = torch.ones(2, 12)
    out = mask(x, ones)
    torch.testing.assert_close(out.features, x)
    torch.testing.assert_close(masked_mean_pool(out.features, ones, 2), mean_pool(x))


def test_reductions_of_lambda_and_gamma():
    """lambda = gamma = 0 costs nothing; gamma = 0 leaves the unary term of every variant."""
    x = torch.randn(2, 4, 4, 4)
    for pairwise in PAIRWISE:
        assert (
            energy_regularizer(
                layer(4, (4, 4), lambda_unary=0, gamma_pairwise=0, pairwise=pairwise)(x)
            ).item()
            == 0
        )
        out = layer(4, (4, 4), lambda_unary=0.5, gamma_pairwise=0, pairwise=pairwise)(x)
        expected = (out.keep_prob * 0.5 * F.softplus(out.logit)).mean()
        torch.testing.assert_close(energy_regularizer(out), expected)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    patch=st.integers(1, 3),
    channels=st.integers(1, 5),
    pairwise=st.sampled_from(PAIRWISE),
    bias=st.sampled_from(["shared", "position"]),
)
def test_any_shape(height, width, patch, channels, pairwise, bias):
    """Indivisible and non-square maps: shapes fit, padding is in no token's features and in no pool."""
    grid = (-(-height // patch), -(-width // patch))
    mask = layer(channels, grid, patch, pairwise=pairwise, bias=bias)
    x = torch.rand(2, channels, height, width) + 0.1
    out = mask(x)
    assert out.features.shape == x.shape
    assert out.keep_prob.shape == out.logit.shape == out.energy.shape == (2, grid[0] * grid[1])
    spread = (
        out.keep_prob.view(2, 1, *grid)
        .repeat_interleave(patch, 2)
        .repeat_interleave(patch, 3)[:, :, :height, :width]
    )
    torch.testing.assert_close(out.features, x * spread)
    expected = (x * spread).sum((2, 3)) / spread.sum((2, 3))
    torch.testing.assert_close(masked_mean_pool(out.features, out.keep_prob, patch), expected)
    assert all(torch.isfinite(part).all() for part in out[:4])


def test_position_bias_follows_the_grid():
    """A transposed grid is another grid: the bias is interpolated, not reused in the wrong order."""
    mask = layer(2, (2, 6), bias="position")
    with torch.no_grad():
        mask.weight.zero_()
        mask.bias.copy_(torch.arange(12.0))
    x = torch.randn(1, 2, 6, 2)
    expected = F.interpolate(
        torch.arange(12.0).view(1, 1, 2, 6), size=(6, 2), mode="bilinear", align_corners=False
    )
    torch.testing.assert_close(mask(x).logit, expected.flatten(1))


def test_position_only_ignores_features():
    """train_weight=False: the score is the bias, and the weight takes no gradient."""
    mask = layer(3, (2, 2), bias="position", train_weight=False)
    a, b = mask(torch.randn(1, 3, 2, 2)), mask(torch.randn(1, 3, 2, 2))
    torch.testing.assert_close(a.keep_prob, b.keep_prob)
    assert not mask.weight.requires_grad


def test_untrained_bias_is_saved():
    """The published bias of 6 is in the state dict and takes no gradient."""
    mask = layer(3, (2, 2), bias="position", bias_init=6, train_bias=False)
    assert torch.equal(mask.state_dict()["bias"], torch.full((4,), 6.0))
    assert not mask.bias.requires_grad


def test_half_precision_in_half_precision_out():
    """bf16 features stay bf16, scores are computed in float32, under autocast too."""
    x = torch.randn(2, 8, 6, 6).bfloat16()
    mask = layer(8, (6, 6), pairwise="redundancy")
    out = mask(x)
    assert out.features.dtype == torch.bfloat16
    assert {out.keep_prob.dtype, out.logit.dtype, out.energy.dtype} == {torch.float32}
    torch.testing.assert_close(out.logit, mask(x.float()).logit)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(mask(x).logit, out.logit, rtol=0, atol=0)
    assert mask.bfloat16()(x).features.dtype == torch.bfloat16


@pytest.mark.parametrize("pairwise", PAIRWISE)
def test_export_with_dynamic_batch(pairwise):
    """Breaks when the forward pass depends on values, or fixes the batch size."""
    mask = layer(4, (3, 3), 2, pairwise=pairwise).eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(mask, (torch.randn(3, 4, 5, 6),), dynamic_shapes=({0: batch},))
    x = torch.randn(7, 4, 5, 6)
    for ours, theirs in zip(program.module()(x)[:4], mask(x)[:4], strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("pairwise", PAIRWISE)
def test_full_graph_compile(pairwise):
    """fullgraph=True raises on a graph break; values and gradients are those of eager mode."""
    torch._dynamo.reset()
    mask = layer(4, (3, 3), pairwise=pairwise, gamma_pairwise=0.5)
    compiled = torch.compile(mask, fullgraph=True)
    x = torch.randn(2, 4, 3, 3)
    results = []
    for module in (mask, compiled):
        y = x.clone().requires_grad_()
        out = module(y)
        (energy_regularizer(out) + out.features.square().sum()).backward()
        results.append((*out[:4], y.grad))
    for eager, fused in zip(*results, strict=True):
        torch.testing.assert_close(fused, eager)


def test_refinement_pulls_isolated_tokens_to_their_neighbours():
    """One mean-field step at test time; training and zero steps are untouched."""
    mask = layer(2, (3, 3), lambda_unary=0, refine_steps=1)
    x = torch.ones(1, 2, 3, 3)
    with torch.no_grad():
        mask.weight.zero_()
    trained = mask.train()(x).logit
    assert torch.equal(trained, torch.full_like(trained, -2.0))
    refined = mask.eval()(x).logit
    expected = -2.0 - (2 * torch.sigmoid(torch.tensor(2.0)) - 1)
    torch.testing.assert_close(refined, torch.full_like(refined, float(expected)))


def test_empty_mask_pools_to_zeros_with_finite_gradients():
    """k = N of the deletion protocol: the head sees zeros."""
    x = torch.randn(2, 3, 2, 2, requires_grad=True)
    out = layer(3, (2, 2))(x, torch.zeros(2, 4))
    pooled = masked_mean_pool(out.features, torch.zeros(2, 4))
    pooled.sum().backward()
    assert torch.equal(pooled, torch.zeros(2, 3))
    assert torch.isfinite(x.grad).all()


def test_masked_mean_is_free_of_scale():
    """m -> c m changes nothing: why the mask's level means nothing under this pooling."""
    x, m = torch.randn(2, 3, 4, 4), torch.rand(2, 16)
    pool = [masked_mean_pool(x * (c * m).view(2, 1, 4, 4), c * m) for c in (1.0, 1e-3)]
    torch.testing.assert_close(pool[0], pool[1])


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"pairwise": "potts"}, "pairwise"),
        ({"bias": "none"}, "bias"),
        ({"temperature": 0.0}, "temperature"),
        ({"patch_size": 0}, "patch_size is 0, but must be at least 1"),
        ({"lambda_unary": -1.0}, "lambda_unary is -1.0, but must be at least 0"),
        ({"refine_steps": 11}, "refine_steps is 11, but must be at most 10"),
    ],
)
def test_settings_out_of_range_are_named(bad, words):
    with pytest.raises(ValueError, match=words):
        EnergyMask(3, (2, 2), **bad)
