"""How much of an image a mask keeps.

Shapes: ``keep_prob (B, N)`` with values in [0, 1], one per token; results ``(B,)`` float64.

Under masked-mean pooling the mask's scale is free: only ``effective_share`` and ``mask_entropy``, which do not change when
the mask is multiplied by a constant, mean anything there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ersm_lab.metrics.samples import SampledMetric, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def mean_keep(keep_prob: Tensor) -> Tensor:
    """Mean keep probability per image, in [0, 1]; depends on the mask's scale."""
    return _checked(keep_prob).mean(1)


def share_above(keep_prob: Tensor, threshold: float = 0.5) -> Tensor:
    """Share of tokens with a keep probability above ``threshold``, in [0, 1]; depends on the mask's scale."""
    return (_checked(keep_prob) > threshold).double().mean(1)


def effective_share(keep_prob: Tensor) -> Tensor:
    """``(sum m)^2 / (N sum m^2)`` per image: the share of tokens that the mask is effectively spread over.

    1 for a uniform mask, 1/N for a single token, whatever the scale; an empty mask gives 0.

    >>> effective_share(torch.tensor([[0.2, 0.2, 0.2, 0.2], [1.0, 0.0, 0.0, 0.0]])).tolist()
    [1.0, 0.25]
    """
    m = _checked(keep_prob)
    # scaled by the largest value first: squares of very small masks would underflow
    m = m / m.amax(1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
    return m.sum(1).square() / (m.shape[1] * m.square().sum(1)).clamp_min(torch.finfo(torch.float64).tiny)


def mask_entropy(keep_prob: Tensor, normalized: bool = False) -> Tensor:
    """Entropy of ``m / sum m`` per image, in nats in [0, log N]; over log N when ``normalized``."""
    m = _checked(keep_prob)
    p = m / m.sum(1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
    entropy = -torch.xlogy(p, p).sum(1)
    return entropy / math.log(m.shape[1]) if normalized and m.shape[1] > 1 else entropy


class MaskSparsity(SampledMetric):
    """Means over a set of images of the four measures above, and a histogram; states are sums, so batches and processes do
    not matter.

    Parameters
    ----------
    bins: of the histogram over [0, 1].
    per_sample: keep every image's values, for the bootstrap; ``samples()`` gives them.

    ``compute()`` gives ``mean_keep``, ``share_above_half``, ``effective_share``, ``mask_entropy`` (over log N) and ``histogram
    (bins,)``, the share of tokens per bin; NaN when nothing was seen.
    """

    total: Tensor
    count: Tensor
    counts: Tensor
    _NAMES = ("mean_keep", "share_above_half", "effective_share", "mask_entropy")

    def __init__(self, bins: int = 20, per_sample: bool = False, **kwargs: object) -> None:
        super().__init__(len(self._NAMES), per_sample, **kwargs)
        self.add_state("total", torch.zeros(4, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("counts", torch.zeros(bins, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, keep_prob: Tensor) -> None:
        """``keep_prob (B, N)``."""
        found = (
            mean_keep(keep_prob),
            share_above(keep_prob),
            effective_share(keep_prob),
            mask_entropy(keep_prob, True),
        )
        values = torch.stack(found, 1).to(self.total.device)
        self.total += values.sum(0)
        self.count += len(keep_prob)
        bins = len(self.counts)
        place = (keep_prob.detach().double().flatten() * bins).long().clamp(0, bins - 1)
        self.counts += torch.bincount(place, minlength=bins).to(self.counts)
        self.keep(values)

    def compute(self) -> dict[str, Tensor]:
        means = dict(zip(self._NAMES, self.total / self.count, strict=True))
        return {**means, "histogram": self.counts / self.counts.sum()}

    def samples(self) -> dict[str, Tensor]:
        """Every image's values, ``(n,)`` each, in the order of update (rank after rank over several processes)."""
        return dict(zip(self._NAMES, self.kept().T, strict=True))

    def plot(self, val: Mapping[str, Tensor] | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """The histogram of keep probabilities, in percent of tokens."""
        shares = (self.compute() if val is None else val)["histogram"].cpu()
        figure, axis = axes_of(ax)
        axis.stairs(100 * shares, torch.linspace(0, 1, len(shares) + 1))
        axis.set_xlabel("keep probability")
        axis.set_ylabel("share of tokens, %")
        return figure, axis


def _checked(keep_prob: Tensor) -> Tensor:
    if keep_prob.dim() != 2 or keep_prob.shape[1] == 0:
        raise ValueError(f"keep_prob must have the shape (B, N), not {tuple(keep_prob.shape)}")
    return keep_prob.detach().double()
