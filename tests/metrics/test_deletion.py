"""One pass gives what N + 1 forward passes with forced masks give; ties, batches and processes do not matter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ersm_lab.bench.references import deletion_by_forwards
from ersm_lab.metrics.curves import trapezoid_auc
from ersm_lab.metrics.deletion import (
    DeletionCurve,
    deletion_curve,
    deletion_logits,
    deletion_order,
)
from ersm_lab.nn.memory import peak_memory
from ersm_lab.papers.ersm import ERSMClassifier


def deletion_probability(
    tokens: Tensor,
    head: Callable[[Tensor], Tensor],
    importance: Tensor,
    labels: Tensor,
    order: str = "least_first",
    pool: str = "mean",
    **settings: object,
) -> Tensor:
    """The label's softmax probability after k deletions, ``(B, N + 1)`` float64: finer than whether it is right."""
    found = []
    for first, logits in deletion_logits(tokens, head, importance, order, pool, **settings):
        place = labels[:, None, None].expand(-1, logits.shape[1], 1)
        found.append((first, logits.double().softmax(2).gather(2, place).squeeze(2)))
    return torch.cat([part for _, part in sorted(found, key=lambda item: item[0])], 1)


def _model(pool: str, patch: int, size: int = 20) -> ERSMClassifier:
    torch.manual_seed(1)
    backbone = {
        "name": "resnet18",
        "small_stem": True,
        "out_index": 3,
        "kwargs": {"layers": [1, 1, 1, 1], "channels": [4, 8, 8, 8]},
    }
    return (
        ERSMClassifier(
            5, (size, size), backbone=backbone, mask={"patch_size": patch, "bias_init": -1.0}, pool=pool
        )
        .double()
        .eval()
    )


@pytest.mark.parametrize("order", ["least_first", "most_first"])
@pytest.mark.parametrize("pool", ["mean", "masked_mean"])
@pytest.mark.parametrize(("patch", "size"), [(1, 20), (2, 32), (2, 36)])  # 9x9 features overhang patches of 2
def test_equals_the_model_with_forced_masks_for_every_k(order: str, pool: str, patch: int, size: int) -> None:
    model = _model(pool, patch, size)
    generator = torch.Generator().manual_seed(3)
    features = torch.rand(7, 8, size // 4, size // 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 5, (7,), generator=generator)
    mask = model.classify(features).mask
    assert mask is not None
    importance = -mask.logit.detach()
    ours = deletion_curve(
        model.tokens(features),
        model.head,
        importance,
        labels,
        order,
        pool,
        **model.deletion_geometry(features),
    )
    brute = deletion_by_forwards(
        lambda forced: model.classify(features, forced).logits, importance, labels, order
    )
    assert torch.equal(ours, brute)
    assert ours.shape == (7, model.grid_size[0] * model.grid_size[1] + 1)


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 4),
    count=st.integers(1, 12),
    channels=st.integers(1, 5),
    patch=st.sampled_from([1, 2]),
    pool=st.sampled_from(["mean", "masked_mean"]),
    order=st.sampled_from(["least_first", "most_first"]),
    chunk=st.integers(1, 20),
    linear=st.booleans(),
    tied=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_probabilities_equal_brute_force(
    batch, count, channels, patch, pool, order, chunk, linear, tied, seed
) -> None:
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(batch, count, channels * patch**2, generator=generator, dtype=torch.float64)
    importance = torch.randint(0, 3 if tied else 10**6, (batch, count), generator=generator).double()
    labels = torch.randint(0, 3, (batch,), generator=generator)
    torch.manual_seed(seed)
    layer = nn.Linear(channels, 3).double()
    head = layer if linear else nn.Sequential(layer, nn.Tanh())
    ours = deletion_probability(tokens, head, importance, labels, order, pool, patch_size=patch, chunk=chunk)
    ranks = deletion_order(importance, order).argsort(1)
    for k in range(count + 1):
        kept = (ranks >= k).double()
        vectors = (tokens * kept[..., None]).unflatten(2, (channels, patch**2)).sum((1, 3))
        size = count if pool == "mean" else max(count - k, 1)
        expected = head(vectors / (size * patch**2)).softmax(1).gather(1, labels[:, None]).squeeze(1)
        torch.testing.assert_close(ours[:, k], expected, rtol=1e-9, atol=1e-12)


def test_half_of_the_tokens_rescaled_is_a_plain_mean_over_them() -> None:
    tokens, labels = torch.randn(3, 6, 4), torch.tensor([0, 1, 2])
    importance = torch.rand(3, 6)
    rescaled = deletion_probability(tokens, nn.Identity(), importance, labels, pool="mean", rescale=True)
    over_kept = deletion_probability(tokens, nn.Identity(), importance, labels, pool="masked_mean")
    torch.testing.assert_close(rescaled, over_kept)


def test_in_float32_curves_agree_with_float64_up_to_near_ties() -> None:
    tokens, labels = torch.randn(200, 49, 64), torch.randint(0, 10, (200,))
    head, importance = nn.Linear(64, 10), torch.rand(200, 49)
    single = deletion_curve(tokens, head, importance, labels)
    double = deletion_curve(tokens.double(), head, importance, labels)
    assert (single != double).double().mean() < 1e-3


def test_features_in_half_precision_are_summed_in_the_heads_precision() -> None:
    """Breaks when the head's weights, or a token's share, are rounded to the features' type."""
    tokens, labels = torch.randn(20, 49, 64).bfloat16(), torch.randint(0, 10, (20,))
    importance = torch.rand(20, 49)
    for patch, channels in ((1, 64), (2, 16)):
        head = nn.Linear(channels, 10)
        found = deletion_probability(tokens, head, importance, labels, patch_size=patch)
        exact = deletion_probability(tokens.double(), head.double(), importance, labels, patch_size=patch)
        torch.testing.assert_close(found, exact, rtol=1e-5, atol=1e-6)
        wrapped = nn.Sequential(head.float())  # a module that is not known to be linear
        torch.testing.assert_close(
            deletion_probability(tokens, wrapped, importance, labels, patch_size=patch),
            exact,
            rtol=1e-5,
            atol=1e-6,
        )


@pytest.mark.parametrize("classes", [3, 400])
@pytest.mark.parametrize("known_linear", [True, False])
def test_memory_is_bounded_whatever_the_number_of_tokens(classes: int, known_linear: bool) -> None:
    """Breaks when all k are held at a time, or more classes than there are channels are held for every token."""
    tokens, layer = torch.randn(1, 1500, 32), nn.Linear(32, classes)
    head = layer if known_linear else nn.Sequential(layer)
    importance, labels = torch.rand(1, 1500), torch.tensor([0])
    peak = peak_memory(lambda: deletion_curve(tokens, head, importance, labels, chunk=16), tokens.device)
    assert peak < tokens.numel() * tokens.element_size()


def test_an_image_has_the_same_curve_in_any_batch_even_with_ties() -> None:
    tokens, labels = torch.randn(9, 8, 3), torch.randint(0, 3, (9,))
    importance = torch.zeros(9, 8)
    importance[:, 0] = 1
    whole = deletion_curve(tokens, nn.Identity(), importance, labels, index=torch.arange(9))
    parts = [
        deletion_curve(
            tokens[i : i + 2],
            nn.Identity(),
            importance[i : i + 2],
            labels[i : i + 2],
            index=torch.arange(9)[i : i + 2],
        )
        for i in range(0, 9, 2)
    ]
    assert torch.equal(whole, torch.cat(parts))


def test_equal_importance_is_random_in_expectation() -> None:
    """Ties broken by place would show as a place that is deleted early more often than others."""
    order = deletion_order(torch.zeros(20_000, 9))
    mean_rank = order.argsort(1).double().mean(0)
    assert (mean_rank - 4).abs().max() < 0.1  # the standard error is 0.018
    tokens, labels = torch.randn(4000, 9, 3), torch.randint(0, 3, (4000,))
    tied = deletion_curve(tokens, nn.Identity(), torch.zeros(4000, 9), labels).double().mean(0)
    random = deletion_curve(tokens, nn.Identity(), torch.rand(4000, 9), labels).double().mean(0)
    assert (tied - random).abs().max() < 0.04  # three standard errors of a difference of shares


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order": "first"}, "least_first, most_first"),
        ({"pool": "max"}, "mean, masked_mean"),
        ({"patch_size": 2}, "no patches"),
        ({"chunk": 0}, "at least 1"),
    ],
)
def test_bad_settings_are_named(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        deletion_curve(torch.rand(1, 4, 3), nn.Identity(), torch.rand(1, 4), torch.tensor([0]), **change)


def test_a_ranking_with_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        deletion_curve(
            torch.rand(1, 2, 3), nn.Identity(), torch.tensor([[0.0, torch.nan]]), torch.tensor([0])
        )


def test_area_of_a_straight_line_and_over_unequal_steps() -> None:
    assert trapezoid_auc(torch.linspace(1, 0, 11)).item() == pytest.approx(0.5)
    x = torch.tensor([0.0, 0.1, 1.0])
    assert trapezoid_auc(1 - x, x).item() == pytest.approx(0.5)
    with pytest.raises(ValueError, match="two points"):
        trapezoid_auc(torch.ones(1))


def _curves() -> Tensor:
    return torch.rand(11, 6, generator=torch.Generator().manual_seed(0)) > 0.4


def test_metric_is_the_mean_curve_with_its_area_and_every_images_area() -> None:
    curves, metric = _curves(), DeletionCurve(5, per_sample=True)
    for part in curves.split(4):
        metric.update(part)
    found = metric.compute()
    torch.testing.assert_close(found["curve"], curves.double().mean(0))
    assert found["lerf_auc"].item() == pytest.approx(metric.samples().mean().item())
    assert found["lerf_auc_normalised"].item() == pytest.approx(
        (found["lerf_auc"] / curves[:, 0].double().mean()).item()
    )
    assert DeletionCurve(5, "most_first").area == "morf_auc"
    figure, _ = metric.plot()
    assert figure.axes[0].get_xlabel() == "tokens deleted, %"
