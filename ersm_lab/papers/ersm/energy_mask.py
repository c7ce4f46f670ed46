"""The energy mask: a keep probability for every token of a feature map (arXiv 2604.06893, section 3).

Shapes: features ``(B, C, H, W)``; tokens are ``p x p`` patches, ``N = ceil(H / p) ceil(W / p)`` of size
``D = C p^2``, numbered row by row; ``u_i = t_i / (|t_i| + 1e-6)``.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ersm_lab.papers.ersm.schema import EnergyMaskConfig
from ersm_lab.papers.ersm.tokens import (
    apply_mask,
    compute_dtype,
    neighbour_values,
    statistics_plain,
    sum_over_neighbours,
    to_positions,
    token_grid,
    token_statistics,
    tokenize,
)

EPS = 1e-6


class EnergyMaskOutput(NamedTuple):
    """``features`` (B, C, H, W) masked, in the input's dtype; the others (B, N), in float32 at least.

    ``keep_prob`` in [0, 1]; ``logit`` is z, where LOW is kept; ``energy`` is E_i.
    """

    features: Tensor
    keep_prob: Tensor
    logit: Tensor
    energy: Tensor


class CoherenceOutput(NamedTuple):
    """The same four of a mask with the coherence term, whose ``energy`` is each token's share of the loss itself."""

    features: Tensor
    keep_prob: Tensor
    logit: Tensor
    energy: Tensor


def energy_regularizer(output: EnergyMaskOutput | CoherenceOutput) -> Tensor:
    """The scalar that the loss adds: mean over batch and tokens of ``keep_prob * energy``.

    For the coherence term, whose energy holds the keep probability already, the mean of the energy.
    """
    return (output.energy if isinstance(output, CoherenceOutput) else output.keep_prob * output.energy).mean()


class EnergyMask(nn.Module):
    """Scores tokens, keeps the low ones softly, and charges an energy for what is kept.

    ``z_i = w . u_i + b_i``, ``m_i = sigmoid(-z_i / T)``, features times ``m``, and per token, with
    ``unary = lambda softplus(z_i)``, ``a_ij = max(0, u_i . u_j)`` and j over the 8 neighbours in the grid:

    ==============  =================================================================================
    ``redundancy``  ``E_i = unary + gamma softplus(sum_j u_i . u_j)`` (published)
    ``l1``          ``E_i = unary + gamma``: a plain price for every kept token
    ``coherence``   the loss's share itself, ``m_i unary + gamma sum_j a_ij (m_i - m_j)^2``: not times m again
    ``none``        ``E_i = unary``
    ==============  =================================================================================

    Parameters
    ----------
    in_channels: C. grid_size: (rows, columns) of tokens for which a position bias is stored.
    patch_size: p, positions per side of a token. lambda_unary, gamma_pairwise: at least 0. temperature: T,
        above 0.
    pairwise: a name of the table above.
    bias: ``"shared"``, parameter ``(1,)``; ``"position"``, parameter ``(N,)``, interpolated bilinearly to
        maps with another grid (a transposed grid is another grid).
    bias_init: start value of the bias; negative starts with tokens kept, 6 is the published one.
    train_bias: False leaves the bias as it is (in the state dict all the same).
    train_weight: False fixes the weight at zero: a mask that knows positions only.
    refine_steps: mean-field steps on z in eval mode, at least 0. Each is
        ``z_i <- z0_i - s sum_j a_ij (2 m_j - 1) / sum_j a_ij`` with ``m = sigmoid(-z / T)``, ``z0`` the score
        before the first step: a token is pulled to what its similar neighbours are. Ours; the paper has none.
    refine_strength: s.

    ``forward(features, forced_mask=None)``: ``forced_mask`` (B, N) multiplies the features in place of
    ``keep_prob``, which is returned as it is. Maps that p does not divide are padded with zeros at the right
    and bottom, and the result is cropped. Scores are computed in float32 (float64 for float64 input), under
    autocast too.

    Raises ``ValueError`` for settings out of range and for a forced mask or channels that do not fit.
    """

    def __init__(
        self,
        in_channels: int,
        grid_size: tuple[int, int],
        patch_size: int = 1,
        lambda_unary: float = 1e-3,
        gamma_pairwise: float = 0.1,
        temperature: float = 1.0,
        pairwise: str = "l1",
        bias: str = "shared",
        bias_init: float = -2.0,
        train_bias: bool = True,
        train_weight: bool = True,
        refine_steps: int = 0,
        refine_strength: float = 1.0,
    ) -> None:
        super().__init__()
        rows, columns = (int(n) for n in grid_size)
        if min(in_channels, rows, columns) < 1:
            raise ValueError(f"in_channels {in_channels}, grid_size {rows, columns} must be >= 1")
        _check(
            EnergyMaskConfig(
                patch_size=patch_size,
                lambda_unary=lambda_unary,
                gamma_pairwise=gamma_pairwise,
                temperature=temperature,
                pairwise=pairwise,
                bias=bias,
                refine_steps=refine_steps,
            )
        )
        self.in_channels = in_channels
        self.grid_size = (rows, columns)
        self.patch_size = patch_size
        self.lambda_unary = float(lambda_unary)
        self.gamma_pairwise = float(gamma_pairwise)
        self.temperature = float(temperature)
        self.pairwise = pairwise
        self.refine_steps = refine_steps
        self.refine_strength = float(refine_strength)
        dim = in_channels * patch_size**2
        weight = torch.empty(dim).uniform_(-1, 1) / math.sqrt(dim) if train_weight else torch.zeros(dim)
        self.weight = nn.Parameter(weight, requires_grad=train_weight)
        start = torch.full((rows * columns if bias == "position" else 1,), float(bias_init))
        self.bias_kind = bias
        self.bias = nn.Parameter(start, requires_grad=train_bias)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, grid_size={self.grid_size}, patch_size={self.patch_size}, "
            f"pairwise={self.pairwise}, bias={self.bias_kind}, lambda={self.lambda_unary}, "
            f"gamma={self.gamma_pairwise}, T={self.temperature}"
        )

    def forward(
        self, features: Tensor, forced_mask: Tensor | None = None
    ) -> EnergyMaskOutput | CoherenceOutput:
        if features.ndim != 4 or features.shape[1] != self.in_channels:
            raise ValueError(
                f"features are {tuple(features.shape)}, but must be (B, {self.in_channels}, H, W)"
            )
        with torch.autocast(features.device.type, enabled=False):
            return self._forward(features, forced_mask)

    def _forward(self, features: Tensor, forced_mask: Tensor | None) -> EnergyMaskOutput | CoherenceOutput:
        dtype = compute_dtype(features)
        height, width = features.shape[2:]
        grid = token_grid(height, width, self.patch_size)
        wide = features.to(dtype)
        tokens, weight = tokenize(wide, self.patch_size), self.weight.to(dtype)
        steps = 0 if self.training else self.refine_steps
        alike = self.pairwise in ("redundancy", "coherence") or steps > 0
        # compilers fuse and record plain code; eager mode has faster code of its own, with the same results
        plain = torch.compiler.is_compiling()
        if plain:
            flat, (norm, score, *pairs) = wide.flatten(2), statistics_plain(tokens, weight, grid, alike)
        else:
            alias, norm, score, *pairs = token_statistics(tokens, weight, grid, alike)
            flat = alias if self.patch_size == 1 else wide.flatten(2)
        inverse = 1 / (norm + EPS)
        z = (score * inverse).unflatten(1, grid) + self._bias_map(grid, dtype)
        similarity = None
        if alike:
            inverse = inverse.unflatten(1, grid)
            similarity = pairs[0] * inverse.unsqueeze(1) * neighbour_values(inverse)
        if similarity is not None and steps:
            z = self._refine(z, similarity, steps)
        keep = torch.sigmoid(-z / self.temperature)
        energy = self._energy(z, keep, similarity)
        applied = keep.flatten(1) if forced_mask is None else self._check_forced(forced_mask, keep)
        spread = to_positions(applied, height, width, self.patch_size)
        masked = flat * spread if plain else apply_mask(flat, spread)
        logit = z.flatten(1)
        if plain:
            # torch 2.15's compiled backward writes into what it saved, here z, of which a plain view would be
            # handed out
            logit = torch.cat([logit[:, :1], logit[:, 1:]], 1)
        kind = CoherenceOutput if self.pairwise == "coherence" else EnergyMaskOutput
        return kind(masked.view(features.shape).to(features.dtype), keep.flatten(1), logit, energy.flatten(1))

    def _bias_map(self, grid: tuple[int, int], dtype: torch.dtype) -> Tensor:
        """``(h, w)`` or ``(1,)``."""
        bias = self.bias.to(dtype)
        if self.bias_kind == "shared":
            return bias
        bias = bias.view(self.grid_size)
        if grid == self.grid_size:
            return bias
        return F.interpolate(bias[None, None], size=grid, mode="bilinear", align_corners=False)[0, 0]

    def _energy(self, z: Tensor, keep: Tensor, similarity: Tensor | None) -> Tensor:
        unary = self.lambda_unary * F.softplus(z)
        if self.pairwise == "redundancy":
            assert similarity is not None
            return unary + self.gamma_pairwise * F.softplus(sum_over_neighbours(similarity))
        if self.pairwise == "coherence":
            assert similarity is not None
            # a pair over the border has similarity 0, so that its missing partner costs nothing
            edges = similarity.clamp(min=0) * (keep.unsqueeze(1) - neighbour_values(keep)).square()
            return keep * unary + self.gamma_pairwise * sum_over_neighbours(edges)
        return unary + self.gamma_pairwise if self.pairwise == "l1" else unary

    def _refine(self, start: Tensor, similarity: Tensor, steps: int) -> Tensor:
        affinity = similarity.clamp(min=0)
        total = sum_over_neighbours(affinity)
        share = torch.where(total > 0, 1 / total.clamp(min=torch.finfo(total.dtype).tiny), 0.0)
        z = start
        for _ in range(steps):
            side = 2 * torch.sigmoid(-z / self.temperature) - 1
            # each pair gives the token its neighbour's side, and the neighbour the token's
            pull = sum_over_neighbours(affinity * neighbour_values(side), affinity * side.unsqueeze(1))
            z = start - self.refine_strength * share * pull
        return z

    def _check_forced(self, forced_mask: Tensor, keep: Tensor) -> Tensor:
        wanted = (keep.shape[0], keep.shape[1] * keep.shape[2])
        if forced_mask.shape != wanted:
            raise ValueError(f"forced_mask is {tuple(forced_mask.shape)}, but must be {wanted}")
        return forced_mask.to(keep.dtype)


def _check(settings: EnergyMaskConfig) -> None:
    """Holds the settings to the choices and limits that their schema states."""
    for field in dataclasses.fields(settings):
        value, limits = getattr(settings, field.name), field.metadata
        if "choices" in limits and value not in limits["choices"]:
            raise ValueError(f"{field.name} is {value!r}, but must be one of {', '.join(limits['choices'])}")
        # `not` and the limit itself: NaN fails every bound
        if "ge" in limits and not value >= limits["ge"]:
            raise ValueError(f"{field.name} is {value}, but must be at least {limits['ge']:g}")
        if "gt" in limits and not value > limits["gt"]:
            raise ValueError(f"{field.name} is {value}, but must be above {limits['gt']:g}")
        if "le" in limits and not value <= limits["le"]:
            raise ValueError(f"{field.name} is {value}, but must be at most {limits['le']:g}")
