"""The entropy engine against sample-by-sample learning in PyTorch, against what the processor can do, and over cores.

The floor is what one sample takes at least: its arithmetic at the processor's highest rate, or its loads and stores at the
rate at which a plain loop over as large arrays moves them, whichever is longer. These rates are measured here, in compiled
loops of the engine's own vector type. That a sample waits for the one before is not part of it. Counted per weight, multiscale, order 1 (P weights with padding):

arithmetic, 11: forward 2, increment and step 2, |dw| and its sum 2, window 1, one sensitivity 2, head 1, tails 1.
numbers near, 6: read weights twice, row and head; written weights and head: arrays of P.
numbers far, 4: ring and tails, read and written: an array of M P.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import parameters_to_vector

from ersm_lab.bench.measure import alternate, threads
from ersm_lab.bench.table import Row
from ersm_lab.core.machine import cores
from ersm_lab.papers.slem import spatial_learning_entropies
from ersm_lab.papers.slem.engine.lanes import LANES, fused, load, splat, store, total
from ersm_lab.papers.slem.engine.learner import Engine
from ersm_lab.papers.slem.engine.network import aligned
from ersm_lab.papers.slem.engine.spans import span
from ersm_lab.papers.slem.schema import LearnerSettings

CPU = torch.device("cpu")
SIZES = ((5, 16, 1000.0), (7, 32, 300.0))  # window, hidden units, goal
FLOPS, NEAR, FAR = 11, 6, 4  # per weight and sample, see above
FLOOR_GOAL = 3.0
SCALING_GOAL = 0.9  # per core


def naive(
    image: torch.Tensor, window_size: int, hidden: int, samples: int, learning_rate: float = 0.05
) -> torch.Tensor:
    """What one writes first: an optimizer's step per pixel, in raster order, and the increments of all weights kept.

    image (H, W) float32. Returns (samples, weights). No Learning Entropy yet.
    """
    inputs = window_size**2 - 1
    model = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    others = torch.arange(inputs + 1) != (inputs + 1) // 2
    width = image.shape[1] - window_size + 1
    increments = []
    before = parameters_to_vector(model.parameters()).detach()
    for sample in range(samples):
        row, column = divmod(sample, width)
        window = image[row : row + window_size, column : column + window_size].reshape(-1)
        loss = 0.5 * (window[(inputs + 1) // 2] - model(window[others]).squeeze()).square()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        after = parameters_to_vector(model.parameters()).detach()
        increments.append(after - before)
        before = after
    return torch.stack(increments)


@njit(nogil=True, error_model="numpy")
def _multiply(values: Any, rounds: int, one: Any) -> Any:
    """Ten chains of multiply-adds in registers: 20 x 16 operations a round."""
    source, factor = span(values), splat(one)
    a = b = c = d = e = load(source, 0)
    f = g = h = i = j = load(source, LANES)
    for _ in range(rounds):
        a, b, c, d = fused(a, factor, a), fused(b, factor, b), fused(c, factor, c), fused(d, factor, d)
        e, f, g, h = fused(e, factor, e), fused(f, factor, f), fused(g, factor, g), fused(h, factor, h)
        i, j = fused(i, factor, i), fused(j, factor, j)
    return total(a + b + c + d + e + f + g + h + i + j)


@njit(nogil=True, error_model="numpy")
def _move(values: Any, rounds: int, one: Any) -> None:
    """Reads and writes every number of an array once a round."""
    source, factor = span(values), splat(one)
    for _ in range(rounds):
        for at in range(0, values.shape[0], LANES):
            store(source, at, load(source, at) + factor)


def rate_loops(*numbers: int) -> list[tuple[Callable[[], object], float]]:
    """(loop, what it does): float32 operations, a multiply-add being two, then bytes read and written per array size."""
    rounds, zero = 250_000, np.float32(0)
    registers = aligned(2 * LANES, np.float32)
    loops: list[tuple[Callable[[], object], float]] = [
        (lambda: _multiply(registers, rounds, zero), rounds * 20.0 * LANES)
    ]
    for size in numbers:
        array, times = aligned(size, np.float32), max(1, 40_000_000 // size)
        loops.append((lambda array=array, times=times: _move(array, times, zero), times * size * 8.0))  # type: ignore[misc]
    return loops


def _scene(side: int) -> NDArray[np.float32]:
    rows, columns = np.indices((side, side)) / 16
    noise = np.random.default_rng(0).normal(size=(side, side)) * 0.05
    values = 0.5 + 0.2 * np.sin(rows) + 0.2 * np.sign(np.sin(columns)) + noise
    scene: NDArray[np.float32] = np.clip(values, 0, 1).astype(np.float32)
    return scene


def _speed(window_size: int, hidden: int, goal: float, side: int, samples: int, rounds: int) -> list[Row]:
    image = _scene(side)
    windows = (side - window_size + 1) ** 2
    engines = [
        Engine(image.shape, LearnerSettings(window_size=window_size, hidden=[hidden], alphas=alphas))
        for alphas in (LearnerSettings().alphas, None)
    ]
    sweeps: list[Callable[[], object]] = [lambda engine=engine: engine.sweep(image) for engine in engines]  # type: ignore[misc]
    padded = engines[0].network.padded
    loops = rate_loops(padded, LearnerSettings.memory * padded)
    # all in turns: a moment in which something else holds the core then hits them all
    multiscale, direct, loop, *measured = alternate(
        [
            *sweeps,
            lambda: naive(torch.from_numpy(image), window_size, hidden, samples),
            *(function for function, _ in loops),
        ],
        CPU,
        rounds,
    )
    ours, plain = [1e6 * seconds / windows for seconds in (multiscale, direct)], 1e6 * loop / samples
    size = f"{window_size}x{window_size}, {hidden} hidden"
    note = "one thread; reference: PyTorch loop, increments kept, no map; ours with its map"
    operations, near, far = (amount / seconds for (_, amount), seconds in zip(loops, measured, strict=True))
    floors = padded * FLOPS / operations, padded * NEAR * 4 / near + padded * FAR * 4 / far
    limits = f"{padded * FLOPS} operations at {operations / 1e9:.0f} G/s: {1e6 * floors[0]:.3f} us; {padded * NEAR * 4}"
    limits += (
        f" bytes at {near / 1e9:.0f} and {padded * FAR * 4} at {far / 1e9:.0f} GB/s: {1e6 * floors[1]:.3f} us"
    )
    return [
        Row(f"pixel, multiscale, {size}", ours[0], plain, "us", goal, note),
        Row(f"pixel, direct, {size}", ours[1], plain, "us", None, note),
        Row(f"floor, multiscale, {size}", ours[0], 1e6 * max(floors), "us", round(1 / FLOOR_GOAL, 3), limits),
    ]


def _over_cores(side: int) -> list[Row]:
    count = cores()
    if count == 1:
        return []
    images = [_scene(side)] * (2 * count)

    def seconds(workers: int) -> float:
        start = time.perf_counter()
        for _ in spatial_learning_entropies(images, threads=workers, engine="cpu"):
            pass
        return (time.perf_counter() - start) / len(images)

    seconds(count)
    alone, together = (min(seconds(workers) for _ in range(3)) for workers in (1, count))
    note = f"{len(images)} images of {side} x {side}, pre-trained; reference: the same, one thread"
    goal = SCALING_GOAL * count
    return [Row(f"image, {count} threads", 1e3 * together, 1e3 * alone, "ms", goal, note)]


def _held(side: int) -> float:
    """KiB held at most by an engine and its sweep, beyond the maps."""
    image = _scene(side)
    tracemalloc.start()
    engine = Engine(image.shape, LearnerSettings())
    maps = engine.sweep(image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak - sum(map_.nbytes for map_ in maps)) / 1024


def _on_cuda(side: int = 512) -> list[Row]:
    """Images per second of the CUDA engine at several sizes of batch, pre-training included, against one CPU core."""
    image = _scene(side)
    start = time.perf_counter()
    list(spatial_learning_entropies([image], threads=1, engine="cpu"))
    core = time.perf_counter() - start
    rows = []
    for count in (1, 64, 512):
        images = [image] * count
        list(spatial_learning_entropies(images[:1], engine="cuda"))  # compiles
        torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        list(spatial_learning_entropies(images, engine="cuda"))
        seconds = (time.perf_counter() - start) / count
        note = f"{side} x {side}, {count} images, {1 / seconds:.1f} images/s, {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"
        rows.append(
            Row(
                f"CUDA engine, {count} at a time",
                seconds,
                core,
                "s/image",
                None,
                f"{note}; reference: one CPU core",
            )
        )
    return rows


def run(side: int = 256, samples: int = 300, rounds: int = 5) -> list[Row]:
    """Rows per size of network, over cores, and memory. side: of the images. samples: of the PyTorch loop."""
    rows: list[Row] = []
    with threads(1):
        for window_size, hidden, goal in SIZES:
            rows += _speed(window_size, hidden, goal, side, samples, rounds)
    rows += _over_cores(side)
    small, large = _held(side // 2), _held(side * 2)
    note = f"beyond the maps, {2 * side} x {2 * side} pixels; reference: {side // 2} x {side // 2}"
    if torch.cuda.is_available():
        rows += _on_cuda()
    return [*rows, Row("memory of a sweep", large, small, "KiB", 0.9, note)]
