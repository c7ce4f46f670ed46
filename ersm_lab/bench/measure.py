"""Time and peak memory of a function, on a CPU or a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.profiler import ProfilerActivity, profile


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


def peak_memory(function: Callable[[], object], device: torch.device) -> int:
    """Bytes that one call holds at most beyond what was held before it, as torch's allocator counts them.

    Scratch space that a BLAS takes for itself is not seen on a CPU.
    """
    if device.type == "cuda":
        _wait(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        function()
        _wait(device)
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as record:
        function()
    assert record.profiler is not None
    assert record.profiler.kineto_results is not None
    events = [event for event in record.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
