"""Random draws of an item that follow from (seed, view, index) alone, whoever loads it and in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, view: int, index: int) -> Iterator[None]:
    """Inside the block torch's generator draws what belongs to this item; afterwards it is as it was."""
    with torch.random.fork_rng(devices=[]):
        # this generator alone: torch.manual_seed would seed every device's too, leave them so, and take long
        torch.default_generator.manual_seed(
            (seed * 1_000_003 + view * 7_368_787 + index * 2_654_435_761) % 2**63
        )
        yield
