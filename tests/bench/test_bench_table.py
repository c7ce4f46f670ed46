"""Rows of benchmarks and how they are measured; no speed is asserted here."""

from __future__ import annotations

import io

import pytest
import torch
from rich.console import Console

from ersm_lab.bench import energy_mask, measure
from ersm_lab.bench.table import Row, show
from ersm_lab.nn.memory import peak_memory

CPU = torch.device("cpu")


def test_ratio_and_goal():
    """Breaks when the ratio is turned over: more than 1 means that ours is cheaper."""
    assert Row("a", 2.0, 8.0, "ms", 4.0).ratio == 4
    assert Row("a", 2.0, 8.0, "ms", 4.0).met is True
    assert Row("a", 2.0, 8.0, "ms", 4.1).met is False
    assert Row("a", 2.0, 8.0, "ms").met is None


def test_a_missed_goal_is_printed():
    """Breaks when the table hides absolute costs or a goal that is not met."""
    out = io.StringIO()
    show([Row("mask", 3.0, 6.0, "ms", 4.0, "batch 8")], console=Console(file=out, width=120))
    for part in ("3 ms", "6 ms", "2.00x", ">= 4x", "NO", "batch 8"):
        assert part in out.getvalue()


def test_peak_memory_counts_what_is_held_at_once():
    """Breaks when freed memory is not subtracted, or the caller's own tensors are counted."""
    x = torch.ones(1000, 1000)
    peak = peak_memory(lambda: [(x + 1) * 2 for _ in range(3)], CPU)
    assert peak == pytest.approx(4 * 4e6, rel=0.01)


def test_functions_take_turns():
    """Breaks when one function's rounds run in a row, or the warm-up is timed away from them."""
    calls: list[str] = []
    seconds = measure.alternate(
        [lambda: calls.append("a"), lambda: calls.append("b")], CPU, rounds=2, warmup=1
    )
    assert calls == ["a", "b"] * 3
    assert all(second >= 0 for second in seconds)


def test_threads_are_put_back():
    """Breaks when a bench leaves the process at its own number of threads."""
    before = torch.get_num_threads()
    with measure.threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("pairwise", energy_mask.PAIRWISE)
def test_both_sides_of_the_mask_bench_run(pairwise, frozen):
    """Breaks when a bench's step no longer fits the layer or its reference, or keeps gradients."""
    features = torch.randn(2, 4, 3, 3, requires_grad=not frozen)
    for step in energy_mask.steps(pairwise, features, torch.randn(2, 4, 3, 3)):
        step()
        assert features.grad is None
