"""Every traversal visits each pixel once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ersm_lab.papers.slem.engine.traversal import visits
from ersm_lab.papers.slem.schema import TRAVERSALS


@settings(max_examples=150, deadline=None)
@given(
    traversal=st.sampled_from(TRAVERSALS),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 2**32),
)
def test_every_pixel_once(traversal, height, width, seed):
    """Breaks when a curve leaves the grid, misses a pixel or comes back to one."""
    order = visits(traversal, height, width, seed)
    assert (order >= 0).all()
    assert (order < [height, width]).all()
    assert len(np.unique(order @ [width, 1])) == len(order) == height * width


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 60), width=st.integers(1, 60))
def test_hilbert_and_serpentine_never_jump(height, width):
    """Breaks when the pieces of the curve are joined at the wrong ends."""
    for traversal in ("hilbert", "serpentine"):
        assert np.abs(np.diff(visits(traversal, height, width), axis=0)).max(initial=0) <= 1


def test_small_orders():
    """Breaks when rows and columns are mixed up."""
    assert visits("raster", 2, 3).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert visits("serpentine", 2, 3).tolist() == [[0, 0], [0, 1], [0, 2], [1, 2], [1, 1], [1, 0]]
    assert visits("column", 2, 3).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1], [0, 2], [1, 2]]
    assert visits("hilbert", 2, 2).tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]


def test_hilbert_stays_together():
    """Breaks when the curve is no better at staying near than rows are."""
    order = visits("hilbert", 32, 32)
    extent = np.ptp(order.reshape(16, 64, 2), axis=1).max(axis=1)
    assert extent.max() <= 16  # 64 pixels in a row span 31


@pytest.mark.parametrize("shape", [(20, 30), (64, 64)])
def test_random_depends_on_the_seed_alone_and_is_spread(shape):
    """Breaks when seeds share a permutation, or neighbours in time are neighbours in space."""
    first, again, other = (visits("random", *shape, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any(axis=1).mean() > 0.9
    place = first @ [shape[1], 1]
    assert abs(np.corrcoef(place[:-1], place[1:])[0, 1]) < 0.15
    assert abs(np.corrcoef(np.arange(len(place)), place)[0, 1]) < 0.15
