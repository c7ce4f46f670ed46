"""Orders of indices that follow from (seed, epoch) alone, for any number of processes, from any place in the epoch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler


def _rank() -> tuple[int, int]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields ``(epoch, index)``: the pair tells a worker which augmentation to draw, so workers share no state.

    Every process gets the same number of indices (the order is continued from its start where it does not divide), as
    gradients have to be exchanged in step. Lightning calls ``set_epoch``.
    """

    def __init__(self, length: int, seed: int, batch_size: int) -> None:
        self.length, self.seed, self.batch_size, self.epoch, self._skip = length, seed, batch_size, 0, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def start_batch(self, batch: int) -> None:
        """The next epoch begins at this batch: a resumed one goes on where it was left."""
        self._skip = batch * self.batch_size

    def __len__(self) -> int:
        return -(-self.length // _rank()[1])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rank, world = _rank()
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + self.epoch) % 2**63)
        order = torch.randperm(self.length, generator=generator).tolist()
        share = [order[place % self.length] for place in range(rank, len(self) * world, world)]
        skip, self._skip = self._skip, 0
        return iter([(self.epoch, index) for index in share[skip:]])


class EvalSampler(Sampler[int]):
    """Every process's share of ``range(length)``, in order, without padding: no image counts twice."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        rank, world = _rank()
        return len(range(rank, self.length, world))

    def __iter__(self) -> Iterator[int]:
        rank, world = _rank()
        return iter(range(rank, self.length, world))
