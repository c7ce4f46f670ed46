"""Pooling against a loop over positions, and at its limits."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ersm_lab.papers.ersm.pooling import masked_mean_pool, mean_pool


def spread(keep, height, width, patch):
    """(B, N) -> (B, 1, H, W), position by position."""
    columns = -(-width // patch)
    index = torch.tensor([[(y // patch) * columns + x // patch for x in range(width)] for y in range(height)])
    return keep[:, index].unsqueeze(1)


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 8), width=st.integers(1, 8), patch=st.integers(1, 3), channels=st.integers(1, 4))
def test_equals_the_sum_over_positions(height, width, patch, channels):
    """Breaks when an overhanging token counts its padding, or when rows and columns are exchanged."""
    x = torch.randn(2, channels, height, width, dtype=torch.float64)
    keep = torch.rand(2, -(-height // patch) * -(-width // patch), dtype=torch.float64) + 0.01
    m = spread(keep, height, width, patch)
    torch.testing.assert_close(masked_mean_pool(x * m, keep, patch), (x * m).sum((2, 3)) / m.sum((2, 3)))


def test_gradcheck():
    """Breaks when the guard against an empty mask changes the gradient of one that is not empty."""
    keep = torch.rand(2, 4, dtype=torch.float64) + 0.1
    x = torch.randn(2, 3, 3, 4, dtype=torch.float64)
    inputs = (x.requires_grad_(), keep.requires_grad_())
    assert torch.autograd.gradcheck(lambda f, m: masked_mean_pool(f, m, 2), inputs)


def test_one_empty_image_leaves_the_others_alone():
    """Breaks when the zero of one image's mask reaches another image, or its gradient is 0 / 0."""
    keep = torch.stack([torch.zeros(4), torch.ones(4)]).requires_grad_()
    x = torch.randn(2, 3, 2, 2, requires_grad=True)
    pooled = masked_mean_pool(x * keep.view(2, 1, 2, 2), keep)
    pooled.square().sum().backward()
    torch.testing.assert_close(pooled, torch.stack([torch.zeros(3), x[1].mean((1, 2))]))
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(keep.grad).all()


def test_a_bool_mask_pools_as_its_numbers():
    """Breaks when a hard mask needs a cast by the caller."""
    x, keep = torch.randn(1, 2, 2, 2), torch.tensor([[True, False, True, False]])
    masked = x * keep.view(1, 1, 2, 2)
    torch.testing.assert_close(masked_mean_pool(masked, keep), masked_mean_pool(masked, keep.float()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_sums_in_single(dtype):
    """Breaks when 3,136 ones are added in half precision, where 2,048 + 1 (bfloat16: 256 + 1) is 2,048."""
    x = torch.ones(1, 1, 56, 56, dtype=dtype)
    assert mean_pool(x).dtype == dtype
    assert mean_pool(x).item() == 1
    assert masked_mean_pool(x, torch.ones(1, 3136)).item() == 1


def test_a_mask_of_another_size_is_refused():
    """Breaks when a mask made for another patch size is spread over the wrong positions."""
    with pytest.raises(ValueError, match="9 tokens"):
        masked_mean_pool(torch.ones(1, 2, 4, 4), torch.ones(1, 9), 2)
