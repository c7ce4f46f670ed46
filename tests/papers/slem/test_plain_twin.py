"""The compiled engine against its plain twin, function by function: what the tricks compute is what the definition says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ersm_lab.papers.slem.engine import plain, plain_traversal
from ersm_lab.papers.slem.engine.learner import Engine
from ersm_lab.papers.slem.engine.network import Network
from ersm_lab.papers.slem.engine.traversal import key_of, orders_of_epochs, permuted, visits
from ersm_lab.papers.slem.schema import TRAVERSALS, LearnerSettings

SHAPE = (13, 17)
BASE = LearnerSettings(
    hidden=[6], memory=9, alphas=[1.5, 2, 3, 5], dtype="float64", pretrain_epochs=2, seed=4
)
CASES = {
    "paper": {},
    "order 2, relu": {"order": 2, "activation": "relu", "traversal": "hilbert"},
    "order 3, normalised": {"order": 3, "step": "normalised", "learning_rate": 0.4, "traversal": "random"},
    "sigmoid, sums": {"activation": "sigmoid", "aggregate": "sum", "traversal": "serpentine"},
    "two layers": {"hidden": [18, 5], "traversal": "column"},
    "three layers": {"hidden": [3, 17, 4], "activation": "sigmoid", "window_size": 3},
    "one sample": {"memory": 1},
}


def photograph(dtype="float64"):
    """Smooth shades, an edge, and noise, in [0, 1]."""
    rows, columns = np.indices(SHAPE)
    noise = np.random.default_rng(0).normal(size=SHAPE) * 0.05
    image = np.clip(0.3 + 0.2 * np.sin(rows / 3) + 0.3 * (columns > 8) + noise, 0, 1)
    return image.astype(dtype)


def both(settings):
    """(maps, weights after pre-training, weights after the sweep) of the engine, and of its twin."""
    image, dtype = photograph(settings.dtype), settings.dtype
    network = Network(settings.window_size**2 - 1, tuple(settings.hidden))
    start = [np.asarray(array, dtype) for array in network.start(settings.seed)]
    engine = Engine(SHAPE, settings)
    engine.pretrain(image)
    trained = engine.weights
    fast = engine.sweep(image), trained, engine.weights
    ours = plain.pretrain(image, start, settings)
    # from the same weights: what rounding changes in the first phase is no matter of the second
    maps, last = plain.sweep(image, list(trained), settings)
    return fast, (maps, ours, last)


def close(fast, slow, atol):
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


@pytest.mark.parametrize("alphas", [BASE.alphas, None], ids=["multiscale", "direct"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_both_phases_compute_what_the_definition_says(case, alphas):
    """Breaks when lanes, padding, spans, or windows without subtraction compute anything else than the plain loops.

    float64, where only the order of sums differs: it changes the last digit of weights and errors (4e-16 were seen). A direct
    score divides by a spread that can be far below the increments, and is summed over a hundred weights (6e-14 were seen).
    """
    (maps, trained, last), (slow, own, end) = both(replace(BASE, alphas=alphas, **case))
    assert slow.entropy.any()
    close(trained, own, 1e-13)
    close(last, end, 1e-13)
    close((maps.error, maps.activity), (slow.error, slow.activity), 1e-13)
    np.testing.assert_allclose(maps.entropy, slow.entropy, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("alphas", [BASE.alphas, None], ids=["multiscale", "direct"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_single_precision_rounds_and_nothing_else(case, alphas):
    """Breaks when float32 loses more than its own rounding.

    The approximated activations are good to 2.5e-7, numbers to 6e-8 (2e-7 were seen in all). A (weight, sensitivity) pair on the edge
    may fall on the other side: 5e-3 are three of 157 x 4. Direct scores divide by small spreads (6e-5 were seen).
    """
    (maps, trained, last), (slow, own, end) = both(replace(BASE, alphas=alphas, dtype="float32", **case))
    assert maps.entropy.dtype == np.float32
    close(trained, own, 2e-6)
    close(last, end, 2e-6)
    close((maps.error, maps.activity), (slow.error, slow.activity), 2e-6)
    np.testing.assert_allclose(maps.entropy, slow.entropy, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("traversal", TRAVERSALS)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (8, 1), (8, 8), (7, 30), (31, 6), (13, 12)], ids=str)
def test_traversals(traversal, size):
    """Breaks when the run-by-run walk leaves the order of the recursion, or the permutation that of Python's whole numbers."""
    assert [tuple(at) for at in visits(traversal, *size, 3).tolist()] == plain_traversal.visits(
        traversal, *size, 3
    )


def test_permutations_of_pre_training():
    """Breaks when an epoch is visited in another order by the CUDA engine, which is handed a list, and by the compiled one."""
    height, width = 5, 7
    orders = orders_of_epochs(height, width, 2, 3).reshape(3, -1, 2)
    for epoch, order in enumerate(orders):
        key = int(key_of(2, 1)) + epoch * 0xD1342543DE82EF95
        expected = [divmod(plain_traversal.permuted(i, 35, key), width) for i in range(35)]
        assert [tuple(at) for at in order.tolist()] == expected
    assert permuted(11, 1000, key_of(5)) == plain_traversal.permuted(11, 1000, int(key_of(5)))
