"""From a map of features to one vector per image: the paper's mean, and the mean over what the mask keeps.

Shapes: features ``(B, C, H, W)``, keep probabilities ``(B, N)`` of tokens of ``patch x patch``
positions, row by row.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ersm_lab.papers.ersm.tokens import compute_dtype, position_counts, token_grid


def mean_pool(features: Tensor) -> Tensor:
    """``(B, C, H, W)`` -> ``(B, C)``: plain mean over positions, summed in float32 at least.

    The result has the input's type.
    """
    dtype = compute_dtype(features)
    return features.mean(dim=(2, 3), dtype=dtype).to(features.dtype)


def masked_mean_pool(features: Tensor, keep_prob: Tensor, patch_size: int = 1) -> Tensor:
    """``sum_i m_i t_i / sum_i m_i`` over real positions: ``(B, C, H, W)`` -> ``(B, C)``.

    Parameters
    ----------
    features: *masked* features ``m_i t_i``, as ``EnergyMask`` returns them.
    keep_prob: ``m`` ``(B, N)`` in [0, 1] that made them (the forced mask where one was given; bool is fine).
    patch_size: positions per side of a token. A token that overhangs the map counts its real positions only.

    Returns zeros, with finite gradients, for images of which nothing is kept. The result does not change when
    ``m`` is scaled by a constant. Raises ValueError when N does not match the map.
    """
    h, w = features.shape[2:]
    rows, columns = token_grid(h, w, patch_size)
    if keep_prob.shape[1] != rows * columns:
        raise ValueError(
            f"keep_prob has {keep_prob.shape[1]} tokens, but a {h} x {w} map has {rows} x {columns} tokens "
            f"at patch_size {patch_size}"
        )
    dtype = compute_dtype(features)
    keep = keep_prob.to(dtype)
    if patch_size == 1:
        total = keep.sum(1)
    else:
        total = keep @ position_counts(h, w, patch_size, dtype, features.device)
    summed = features.sum(dim=(2, 3), dtype=dtype)
    # The safe divisor keeps the backward pass of the empty case free of 0 / 0. Not a clamp: the scale of m
    # must stay free.
    empty = total <= 0
    pooled = summed / torch.where(empty, torch.ones_like(total), total).unsqueeze(1)
    return torch.where(empty.unsqueeze(1), torch.zeros_like(pooled), pooled).to(features.dtype)
