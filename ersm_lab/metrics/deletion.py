"""Deletion curves at the level of tokens: what is left of the accuracy when k of N tokens are gone, for every k.

The mask sits behind the backbone and the tokens are pooled, so one set of features gives the whole curve: what the head sees
after k deletions is a sum over the tokens that remain. Sums are taken in float64 from the empty end, so that no k is
approximated; memory is bounded by ``chunk`` values of k at a time.

Shapes: tokens ``(B, N, D)`` with ``D = C p p``, channel-major as ``torch.nn.functional.unfold`` orders them; importance
``(B, N)``, high is important; curves ``(B, N + 1)``, entry k after k deletions. Source: arXiv 2604.06893, deletion protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ersm_lab.metrics.curves import trapezoid_auc
from ersm_lab.metrics.names import POOLS
from ersm_lab.metrics.samples import SampledMetric, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AREAS = {"least_first": "lerf_auc", "most_first": "morf_auc"}
"""How the area under a curve is called, by the order of deletion: high is good for the first, low for the second."""
ORDERS = tuple(AREAS)


def deletion_curve(
    tokens: Tensor,
    head: Callable[[Tensor], Tensor],
    importance: Tensor,
    labels: Tensor,
    order: str = "least_first",
    pool: str = "mean",
    *,
    patch_size: int = 1,
    positions: Tensor | None = None,
    rescale: bool = False,
    seed: int = 0,
    index: Tensor | None = None,
    chunk: int = 64,
) -> Tensor:
    """Whether each image is classified correctly after k deletions, for all k: ``(B, N + 1)`` bool.

    Parameters
    ----------
    tokens: ``(B, N, D)``.
    head: pooled vectors ``(M, C)`` to logits ``(M, K)``; an ``nn.Linear`` with K <= C is applied to tokens once. A module gets
        vectors of its parameters' type, any other callable those of the tokens' type.
    importance: ``(B, N)``; ties are broken by a permutation that depends on ``seed``, the image and the token alone.
    labels: ``(B,)``.
    order: ``least_first`` (the paper's; a good ranking keeps the curve high) or ``most_first`` (the stricter test).
    pool: ``mean`` divides by all positions, whatever is left (the paper's); ``masked_mean`` by those left. At k = N the head
        sees zeros under both.
    patch_size: p; a token reaches the head as the sum over its positions.
    positions: ``(N,)`` real positions per token where some overhang the map; p * p each by default.
    rescale: with ``mean``: times N / kept, the rescaled variant.
    index: ``(B,)`` the images' places in their set, for the ties; 0, 1, ... by default.
    chunk: values of k whose logits are held at a time.

    Raises ValueError for shapes that do not fit, unknown orders and poolings, and a chunk below 1.

    >>> tokens, head = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]]), nn.Identity()
    >>> deletion_curve(tokens, head, torch.tensor([[0.1, 0.9]]), torch.tensor([1])).tolist()
    [[True, True, False]]
    """
    chosen = [
        (first, (logits.argmax(2) == labels[:, None]))
        for first, logits in deletion_logits(
            tokens, head, importance, order, pool, patch_size, positions, rescale, seed, index, chunk
        )
    ]
    return torch.cat([part for _, part in sorted(chosen, key=lambda item: item[0])], 1)


def deletion_order(
    importance: Tensor, order: str = "least_first", seed: int = 0, index: Tensor | None = None
) -> Tensor:
    """Tokens in the order in which they are deleted, ``(B, N)``; ties by the seeded permutation."""
    if order not in ORDERS:
        raise ValueError(f"order is {order!r}, but must be one of {', '.join(ORDERS)}")
    if importance.isnan().any():
        raise ValueError("importance holds NaN: it ranks nothing")
    places = torch.arange(len(importance)) if index is None else index
    shuffled = _tie_keys(places.to(importance.device), importance.shape[1], seed).argsort(1)
    ranked = importance.gather(1, shuffled).argsort(dim=1, stable=True, descending=order == "most_first")
    return shuffled.gather(1, ranked)


def _tie_keys(index: Tensor, count: int, seed: int) -> Tensor:
    """``(B, N)`` int64 that look random and depend on (seed, image, token) alone: splitmix64, the same on every device."""
    token = torch.arange(count, device=index.device)
    state = (index.long()[:, None] * 0x632BE5AB + token) * 0x9E3779B9 + seed * 0x2545F491
    for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15)):
        state = (state ^ (state >> shift)) * factor
    return state ^ (state >> 31)


@torch.no_grad()
def deletion_logits(
    tokens: Tensor,
    head: Callable[[Tensor], Tensor],
    importance: Tensor,
    order: str,
    pool: str,
    patch_size: int = 1,
    positions: Tensor | None = None,
    rescale: bool = False,
    seed: int = 0,
    index: Tensor | None = None,
    chunk: int = 64,
) -> Iterator[tuple[int, Tensor]]:
    """``(first k, logits (B, ks, K))`` in chunks, from k = N downwards: what is left grows by one token at a time."""
    if pool not in POOLS:
        raise ValueError(f"pool is {pool!r}, but must be one of {', '.join(POOLS)}")
    if tokens.dim() != 3 or importance.shape != tokens.shape[:2]:
        raise ValueError(
            f"tokens must be (B, N, D) and importance (B, N), not {tuple(tokens.shape)} and {tuple(importance.shape)}"
        )
    if tokens.shape[2] % patch_size**2:
        raise ValueError(
            f"tokens of {tokens.shape[2]} values are no patches of {patch_size} x {patch_size} positions"
        )
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}, but must be at least 1")
    batch, count, _ = tokens.shape
    own = next(head.parameters(), None) if isinstance(head, nn.Module) else None
    head_dtype = tokens.dtype if own is None else own.dtype
    # half precision would round every token's share before it is summed
    precise = torch.promote_types(torch.promote_types(tokens.dtype, head_dtype), torch.float32)
    vectors = tokens
    if patch_size > 1:
        vectors = tokens.unflatten(2, (-1, patch_size**2)).sum(3, dtype=precise)
    # the head of a sum is the sum of heads; with more classes than channels that costs more than it saves
    linear = head if isinstance(head, nn.Linear) and head.out_features <= head.in_features else None
    if linear is not None:
        with torch.autocast(tokens.device.type, enabled=False):
            vectors = nn.functional.linear(vectors.to(precise), linear.weight.to(precise))
    area = torch.full((count,), patch_size**2) if positions is None else positions
    area = area.to(tokens.device, torch.float64)
    deleted = deletion_order(importance, order, seed, index)
    total = vectors.new_zeros(batch, 1, vectors.shape[2], dtype=torch.float64)
    kept = area.new_zeros(batch, 1)
    for last in range(count, -1, -chunk):
        first = max(0, last - chunk + 1)
        # k = last keeps the tokens from place `last` on; every smaller k keeps one more
        added = deleted[:, first : min(last, count - 1) + 1].flip(1)
        values = vectors.gather(1, added[..., None].expand(-1, -1, vectors.shape[2])).double()
        sums, sizes = total + values.cumsum(1), kept + area[added].cumsum(1)
        if last == count:
            sums, sizes = torch.cat([total, sums], 1), torch.cat([kept, sizes], 1)
        total, kept = sums[:, -1:], sizes[:, -1:]
        pooled = _pooled(sums, sizes, area.sum(), pool, rescale)
        if linear is None:
            logits = head(pooled.flatten(0, 1).to(head_dtype)).unflatten(0, pooled.shape[:2])
        else:
            logits = pooled if linear.bias is None else pooled + linear.bias.double()
        yield first, logits.flip(1)


def _pooled(sums: Tensor, sizes: Tensor, whole: Tensor, pool: str, rescale: bool) -> Tensor:
    if pool == "mean" and not rescale:
        return sums / whole
    return sums / sizes.clamp_min(1).unsqueeze(2)  # nothing kept: zeros, whatever they are divided by


class DeletionCurve(SampledMetric):
    """The mean curve over a set of images and its area; states are sums, so batches and processes do not matter.

    Parameters
    ----------
    tokens: N.
    order: which order the curves were made in; it names the area: ``lerf_auc`` (higher is better) for ``least_first``,
        ``morf_auc`` (lower is better) for ``most_first``.
    per_sample: keep every image's own area, for the bootstrap; ``samples()`` gives them.

    ``compute()`` gives ``curve (N + 1,)`` in [0, 1] float64, ``<area>``, ``<area>_normalised`` (over the accuracy at k = 0)
    and ``accuracy`` (at k = 0); NaN when nothing was seen, and for the normalised area of a curve that starts at 0. Source: arXiv 2604.06893; the names are those of Tomsett et al.,
    Sanity Checks for Saliency Metrics.
    """

    total: Tensor
    count: Tensor

    def __init__(
        self, tokens: int, order: str = "least_first", per_sample: bool = False, **kwargs: object
    ) -> None:
        super().__init__(1, per_sample, **kwargs)
        if order not in ORDERS:
            raise ValueError(f"order is {order!r}, but must be one of {', '.join(ORDERS)}")
        self.tokens = tokens
        self.area = AREAS[order]
        self.add_state("total", torch.zeros(tokens + 1, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, correct: Tensor) -> None:
        """``correct (B, N + 1)``: bool, or probabilities."""
        if correct.dim() != 2 or correct.shape[1] != self.tokens + 1:
            raise ValueError(
                f"correct must have the shape (B, {self.tokens + 1}), not {tuple(correct.shape)}"
            )
        values = correct.to(self.total)
        self.total += values.sum(0)
        self.count += len(values)
        self.keep(trapezoid_auc(values).unsqueeze(1))

    def compute(self) -> dict[str, Tensor]:
        curve = self.total / self.count
        area = trapezoid_auc(curve)
        normalised = torch.where(curve[0] != 0, area / curve[0], torch.nan)
        return {"curve": curve, "accuracy": curve[0], self.area: area, f"{self.area}_normalised": normalised}

    def samples(self) -> Tensor:
        """Every image's area, ``(n,)`` float64, in the order of update (rank after rank over several processes)."""
        return self.kept().squeeze(1)

    def plot(self, val: Mapping[str, Tensor] | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """The curve against the share of tokens deleted, in percent."""
        curve = (self.compute() if val is None else val)["curve"].cpu()
        figure, axis = axes_of(ax)
        axis.plot(torch.linspace(0, 100, len(curve)), 100 * curve)
        axis.set_xlabel("tokens deleted, %")
        axis.set_ylabel("accuracy, %")
        return figure, axis
