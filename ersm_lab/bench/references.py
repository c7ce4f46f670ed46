"""Plain transcriptions of the papers' equations: what an able reader would write in an afternoon.

They serve as the named reference of the benchmarks and as the oracle of the tests: clear, vectorised,
nothing clever.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

NEIGHBOURS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]


def energy_mask(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    patch_size: int = 1,
    lambda_unary: float = 1e-3,
    gamma_pairwise: float = 1e-3,
    temperature: float = 1.0,
    pairwise: str = "redundancy",
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """ERSM's layer with a loop over the 8 neighbours: masked features, keep_prob, z, energy, regularizer.

    ``features (B, C, H, W)``, ``patch_size`` dividing H and W; ``weight (D,)``, ``bias (N,)`` or ``(1,)``.
    """
    b, _, h, w = features.shape
    rows, columns = h // patch_size, w // patch_size
    tokens = F.unfold(features, patch_size, stride=patch_size)  # (B, D, N)
    unit = tokens / (tokens.norm(dim=1, keepdim=True) + 1e-6)
    z = (weight[None, :, None] * unit).sum(1) + bias
    keep = torch.sigmoid(-z / temperature)
    unary = lambda_unary * F.softplus(z)
    maps = F.pad(unit.view(b, -1, rows, columns), (1, 1, 1, 1))
    keeps = F.pad(keep.view(b, rows, columns), (1, 1, 1, 1))
    centre, own = maps[:, :, 1:-1, 1:-1], keeps[:, 1:-1, 1:-1]
    total = torch.zeros(b, rows, columns, dtype=features.dtype, device=features.device)
    for y, x in NEIGHBOURS:
        window = (slice(1 + y, 1 + y + rows), slice(1 + x, 1 + x + columns))
        if pairwise == "redundancy":
            total = total + (centre * maps[:, :, window[0], window[1]]).sum(1)
        elif pairwise == "coherence":
            alike = (centre * maps[:, :, window[0], window[1]]).sum(1).clamp(min=0)
            total = total + alike * (own - keeps[:, window[0], window[1]]) ** 2
    if pairwise == "redundancy":
        energy = unary + gamma_pairwise * F.softplus(total.flatten(1))
        regularizer = (keep * energy).mean()
    elif pairwise == "coherence":
        energy = keep * unary + gamma_pairwise * total.flatten(1)
        regularizer = energy.mean()
    else:
        energy = unary + (gamma_pairwise if pairwise == "l1" else 0.0)
        regularizer = (keep * energy).mean()
    masked = F.fold(tokens * keep[:, None], (h, w), patch_size, stride=patch_size)
    return masked, keep, z, energy, regularizer


def deletion_by_forwards(
    forward: Callable[[Tensor], Tensor], importance: Tensor, labels: Tensor, order: str = "least_first"
) -> Tensor:
    """The published deletion loop: one forward pass per k with a 0/1 mask ``(B, N)``. Returns correct ``(B, N + 1)``.

    Ties are broken as sorting happens to break them.
    """
    ranks = importance.argsort(dim=1, descending=order == "most_first").argsort(1)
    columns = []
    for k in range(importance.shape[1] + 1):
        logits = forward((ranks >= k).to(importance.dtype))
        columns.append(logits.argmax(1) == labels)
    return torch.stack(columns, 1)
