"""Tokens of a feature map: their grid, their statistics, and the products of neighbouring tokens.

Shapes: features ``(B, C, H, W)``, tokens ``(B, D, N)`` with ``D = C p p`` (channel-major, as
``torch.nn.functional.unfold`` orders them) and ``N = rows * columns``; pairs ``(B, 4, rows, columns)``.

A pair is counted once: entry ``k`` at token ``i`` belongs to ``i`` and its neighbour ``i + DIRECTIONS[k]``,
and is 0 where that neighbour lies outside the grid. ``sum_over_neighbours`` gives the sum over all 8
neighbours back.

Two forms of the same equations. ``statistics_plain`` is differentiable torch code, which ``torch.compile``
fuses and ``torch.export`` records. ``token_statistics`` and ``apply_mask`` are what eager mode runs: memory
traffic is what the layer costs there, so no unit tokens are made, neighbours are multiplied as narrow matrix
products of a few rows of the grid, the backward pass adds into one buffer, and on a CPU the work goes image
by image so that it stays in cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

DIRECTIONS = ((0, 1), (1, -1), (1, 0), (1, 1))
"""(row, column) steps to half of the 8 neighbours; the other half are these pairs seen from the other end."""


def compute_dtype(features: Tensor) -> torch.dtype:
    """float64 for float64, float32 for all else: half precision would round scores before the sigmoid."""
    return torch.float64 if features.dtype == torch.float64 else torch.float32


def token_grid(height: int, width: int, patch_size: int) -> tuple[int, int]:
    """(rows, columns) of tokens that cover a map; the last ones may overhang it."""
    return -(-height // patch_size), -(-width // patch_size)


def position_counts(
    height: int, width: int, patch_size: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """``(N,)`` real positions in each token: p * p, and fewer where a token overhangs the map."""
    rows, columns = token_grid(height, width, patch_size)
    y = (height - torch.arange(rows, device=device) * patch_size).clamp(max=patch_size)
    x = (width - torch.arange(columns, device=device) * patch_size).clamp(max=patch_size)
    return (y[:, None] * x).flatten().to(dtype)


def tokenize(features: Tensor, patch_size: int) -> Tensor:
    """``(B, C, H, W)`` -> ``(B, D, N)``; zero padded at the right and the bottom. A view for patch_size 1."""
    if patch_size == 1:
        return features.flatten(2)
    h, w = features.shape[2:]
    pad_h, pad_w = -h % patch_size, -w % patch_size
    if pad_h or pad_w:
        features = F.pad(features, (0, pad_w, 0, pad_h))
    return F.pixel_unshuffle(features, patch_size).flatten(2)


def to_positions(values: Tensor, height: int, width: int, patch_size: int) -> Tensor:
    """Token values ``(B, N)`` -> ``(B, 1, H * W)``: each position gets its token's value."""
    if patch_size == 1:
        return values.unsqueeze(1)
    rows, columns = token_grid(height, width, patch_size)
    grid = values.view(-1, rows, 1, columns, 1).expand(-1, rows, patch_size, columns, patch_size)
    return grid.reshape(-1, 1, rows * patch_size, columns * patch_size)[:, :, :height, :width].flatten(2)


def neighbour_values(values: Tensor) -> Tensor:
    """``(B, rows, columns)`` -> ``(B, 4, rows, columns)``: at forward neighbours, 0 beyond the grid."""
    rows, columns = values.shape[1:]
    padded = F.pad(values, (1, 1, 0, 1))
    return torch.stack([padded[:, y : y + rows, 1 + x : 1 + x + columns] for y, x in DIRECTIONS], dim=1)


def sum_over_neighbours(pairs: Tensor, backward_pairs: Tensor | None = None) -> Tensor:
    """Pairs ``(B, 4, rows, columns)`` -> ``(B, rows, columns)``: the sum over each token's 8 neighbours.

    ``backward_pairs``: what the *neighbour* of a pair receives, where that is not what the token receives.
    """
    back = pairs if backward_pairs is None else backward_pairs
    rows, columns = pairs.shape[2:]
    total = pairs.sum(1)
    for k, (y, x) in enumerate(DIRECTIONS):
        total = total + F.pad(back[:, k], (1, 1, 1, 0))[:, 1 - y : 1 - y + rows, 1 - x : 1 - x + columns]
    return total


def statistics_plain(
    tokens: Tensor, weight: Tensor, grid: tuple[int, int], pairs: bool
) -> tuple[Tensor, ...]:
    """``|t_i|`` and ``w . t_i`` ``(B, N)``; when asked for, ``t_i . t_j`` ``(B, 4, rows, columns)`` too."""
    norm = torch.linalg.vector_norm(tokens, dim=1)
    score = torch.matmul(weight, tokens)
    if not pairs:
        return norm, score
    rows, columns = grid
    maps = tokens.unflatten(2, grid)
    products = []
    for y, x in DIRECTIONS:
        left, right = max(0, -x), max(0, x)
        here = maps[:, :, : rows - y, left : columns - right]
        there = maps[:, :, y:, right : columns - left]
        products.append(F.pad((here * there).sum(1), (left, right, 0, y)))
    return norm, score, torch.stack(products, dim=1)


def token_statistics(
    tokens: Tensor, weight: Tensor, grid: tuple[int, int], pairs: bool
) -> tuple[Tensor, ...]:
    """As ``statistics_plain``, with an alias of the tokens first: only ``apply_mask`` may use that alias.

    Its gradient is then a buffer that nobody else holds, and the backward pass may add to it in place.
    """
    outputs: tuple[Tensor, ...] = _Statistics.apply(tokens, weight, grid, pairs)
    return outputs


def apply_mask(features: Tensor, keep: Tensor) -> Tensor:
    """``(B, C, P) * (B, 1, P)`` with a backward pass that reads the features once."""
    masked: Tensor = _Mask.apply(features, keep)
    return masked


def _parts(tensor: Tensor) -> Iterator[slice]:
    """The whole batch on an accelerator; one image at a time on a CPU, where cache is scarce."""
    if tensor.device.type != "cpu":
        yield slice(None)
        return
    for i in range(tensor.shape[0]):
        yield slice(i, i + 1)


class _Bands(NamedTuple):
    """Where neighbours meet in products of bands of rows.

    forward: ``(start, stop, stop with the next row)`` of each band. place ``(4 N,)``: of each pair in the concatenated
    products; exists ``(4, N)``: whether it does. backward: ``(start, stop, first, last, index)`` of each band, where ``index (last
    - first, stop - start)`` points into the gradients ``[pairs (4 N), diagonal (N), zero]``.
    """

    forward: list[tuple[int, int, int]]
    place: Tensor
    exists: Tensor
    backward: list[tuple[int, int, int, int, Tensor]]


@lru_cache(maxsize=64)
def _bands(rows: int, columns: int, device: torch.device) -> _Bands:
    n = rows * columns
    step = max(1, (32 if device.type == "cpu" else 256) // columns)
    place, exists = torch.zeros(4, n, dtype=torch.long), torch.zeros(4, n, dtype=torch.bool)
    band_of, forward, offset = {}, [], 0
    for top in range(0, rows, step):
        start, stop = top * columns, min(top + step, rows) * columns
        reach = min(stop + columns, n)
        forward.append((start, stop, reach))
        for r in range(top, min(top + step, rows)):
            band_of[r] = (offset, start, reach - start)
        offset += (stop - start) * (reach - start)
    partner: dict[tuple[int, int], int] = {(i, i): 4 * n + i for i in range(n)}
    for k, (y, x) in enumerate(DIRECTIONS):
        for r in range(rows - y):
            base, start, width = band_of[r]
            for c in range(max(0, -x), columns - max(0, x)):
                i, j = r * columns + c, (r + y) * columns + c + x
                place[k, i], exists[k, i] = base + (i - start) * width + (j - start), True
                partner[i, j] = partner[j, i] = k * n + i
    backward = []
    for start, stop, reach in forward:
        first = max(0, start - columns)
        index = torch.full((reach - first, stop - start), 5 * n, dtype=torch.long)
        for i in range(start, stop):
            r, c = divmod(i, columns)
            for y in (-1, 0, 1):
                for x in (-1, 0, 1):
                    if 0 <= r + y < rows and 0 <= c + x < columns:
                        j = (r + y) * columns + c + x
                        index[j - first, i - start] = partner[j, i]
        backward.append((start, stop, first, reach, index.to(device)))
    return _Bands(forward, place.flatten().to(device), exists.to(device), backward)


class _Context(FunctionCtx):
    """What autograd keeps between the two passes."""

    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]
    grid: tuple[int, int]


class _Statistics(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: _Context, tokens: Tensor, weight: Tensor, grid: tuple[int, int], pairs: bool
    ) -> tuple[Tensor, ...]:
        score = torch.matmul(weight, tokens)
        ones = torch.ones_like(weight)
        norm = tokens.new_empty(score.shape)
        products = tokens.new_empty(tokens.shape[0], 4, *grid) if pairs else None
        for part in _parts(tokens):
            x = tokens[part]
            norm[part] = torch.matmul(ones, x * x).sqrt_()
            if products is not None:
                bands = _bands(*grid, tokens.device)
                grams = [torch.bmm(x[..., a:b].mT, x[..., a:c]).flatten(1) for a, b, c in bands.forward]
                found = torch.cat(grams, 1).index_select(1, bands.place).view(-1, 4, bands.exists.shape[1])
                products[part] = (found * bands.exists).unflatten(2, grid)
        ctx.save_for_backward(tokens, weight, norm)
        ctx.grid = grid
        ctx.set_materialize_grads(False)
        alias = tokens.view_as(tokens)
        return (alias, norm, score) if products is None else (alias, norm, score, products)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: _Context,
        buffer: Tensor | None,
        g_norm: Tensor | None,
        g_score: Tensor | None,
        g_pairs: Tensor | None = None,
    ) -> tuple[Tensor | None, Tensor | None, None, None]:
        tokens, weight, norm = ctx.saved_tensors
        g_weight = None
        if ctx.needs_input_grad[1] and g_score is not None:
            g_weight = torch.bmm(tokens, g_score.unsqueeze(2)).sum(0).squeeze(1)
        if not ctx.needs_input_grad[0]:
            return None, g_weight, None, None
        total = torch.zeros_like(tokens) if buffer is None else buffer
        # d|t| / dt = t / |t|, and 0 at t = 0, as torch.linalg.vector_norm has it
        inverse = norm.reciprocal().masked_fill(norm == 0, 0)
        diagonal = torch.zeros_like(norm) if g_norm is None else g_norm * inverse
        g_flat = None
        if g_pairs is not None:
            g_flat = torch.cat([g_pairs.flatten(1), diagonal, torch.zeros_like(diagonal[:, :1])], 1)
        for part in _parts(tokens):
            x, out = tokens[part], total[part]
            if g_score is not None:
                out.addcmul_(weight.view(1, -1, 1), g_score[part].unsqueeze(1))
            if g_flat is None:
                out.addcmul_(x, diagonal[part].unsqueeze(1))
                continue
            for start, stop, first, last, index in _bands(*ctx.grid, tokens.device).backward:
                out[..., start:stop].baddbmm_(x[..., first:last], g_flat[part][:, index])
        return total, g_weight, None, None


class _Mask(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, features: Tensor, keep: Tensor) -> Tensor:
        ctx.save_for_backward(features, keep)
        return features * keep

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        features, keep = ctx.saved_tensors
        g_keep = None
        if ctx.needs_input_grad[1]:
            ones = features.new_ones(features.shape[1])
            g_keep = torch.cat(
                [torch.matmul(ones, grad[p] * features[p]) for p in _parts(features)] or [keep[:, 0]]
            )
            g_keep = g_keep.unsqueeze(1)
        return (grad * keep if ctx.needs_input_grad[0] else None), g_keep
