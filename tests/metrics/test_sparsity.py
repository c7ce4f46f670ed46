"""Sparsity of masks: values worked out by hand, freedom of scale, and batches of any size."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ersm_lab.metrics.sparsity import MaskSparsity, effective_share, mask_entropy, mean_keep, share_above


def test_uniform_and_single_token_masks():
    """Breaks when the effective share or the entropy is normalised by something else than N."""
    m = torch.tensor([[0.3] * 4, [0.9, 0, 0, 0], [0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(effective_share(m), [1, 0.25, 0.5], rtol=1e-7)
    np.testing.assert_allclose(mask_entropy(m), [math.log(4), 0, math.log(2)], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(mask_entropy(m, normalized=True), [1, 0, 0.5], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(mean_keep(m), [0.3, 0.225, 0.25], rtol=1e-6)
    np.testing.assert_allclose(share_above(m), [0, 0.25, 0], rtol=0)


def test_an_empty_mask_has_finite_measures():
    """Breaks when a mask of zeros gives NaN: the end of every deletion curve."""
    m = torch.zeros(2, 5)
    for function in (effective_share, mask_entropy, mean_keep, share_above):
        assert torch.equal(function(m), torch.zeros(2, dtype=torch.float64))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), exponent=st.integers(-30, 0), n=st.integers(1, 40))
def test_scale_free_measures_do_not_see_the_scale(seed, exponent, n):
    """Breaks when very small masks (which masked-mean pooling allows) underflow, or a floor leaks in."""
    m = torch.rand(2, n, generator=torch.Generator().manual_seed(seed)).double() + 1e-3
    for function in (effective_share, mask_entropy):
        torch.testing.assert_close(function(m), function(m * 10.0**exponent), rtol=1e-9, atol=1e-12)
    share = effective_share(m)
    assert ((share >= 1 / n - 1e-12) & (share <= 1 + 1e-12)).all()


def test_metric_does_not_depend_on_batches_and_sums_in_float64():
    """Breaks when means of batches are averaged, an empty batch spoils them, or half precision is summed."""
    m = torch.rand(29, 49, generator=torch.Generator().manual_seed(0)).bfloat16()
    expected = [
        float(f.mean()) for f in (mean_keep(m), share_above(m), effective_share(m), mask_entropy(m, True))
    ]
    for size in (1, 8, 29):
        metric = MaskSparsity()
        for part in (*m.split(size), m[:0]):
            metric.update(part)
        np.testing.assert_allclose(
            [float(v) for k, v in metric.compute().items() if k != "histogram"], expected, rtol=1e-12
        )


@pytest.mark.parametrize("shape", [(4,), (2, 0), (2, 3, 4)])
def test_wrong_shapes_are_refused(shape):
    """Breaks when a map (B, h, w) is averaged over the wrong dimension."""
    with pytest.raises(ValueError, match="keep_prob"):
        effective_share(torch.ones(shape))


def test_histogram_and_samples_are_those_of_the_whole_set():
    keep = torch.rand(13, 7, generator=torch.Generator().manual_seed(1))
    keep[0, 0] = 1.0  # belongs to the last bin, as in numpy
    metric = MaskSparsity(bins=5, per_sample=True)
    for part in keep.split(4):
        metric.update(part)
    expected = np.histogram(keep.numpy(), bins=5, range=(0, 1))[0] / keep.numel()
    np.testing.assert_allclose(metric.compute()["histogram"], expected)
    np.testing.assert_allclose(metric.samples()["effective_share"], effective_share(keep))
    assert metric.plot()[0].axes[0].get_xlabel() == "keep probability"
