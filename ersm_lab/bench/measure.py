"""Time and peak memory of a function, on a CPU or a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Runs its body with ``count`` threads per operator, and puts the number back."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def alternate(
    functions: Sequence[Callable[[], object]], device: torch.device, rounds: int = 7, warmup: int = 1
) -> list[float]:
    """Seconds per call of each function: the fastest of ``rounds``.

    The functions take turns, so that a slow moment of the machine hits all of them. What else runs there can
    only add time: the fastest call is the nearest to the function's own cost.
    """
    best = [float("inf")] * len(functions)
    for i in range(warmup + rounds):
        for k, function in enumerate(functions):
            _wait(device)
            start = time.perf_counter()
            function()
            _wait(device)
            if i >= warmup:
                best[k] = min(best[k], time.perf_counter() - start)
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
