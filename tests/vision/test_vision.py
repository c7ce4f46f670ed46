"""What figures draw over pictures."""

from __future__ import annotations

import numpy as np
import torch

from ersm_lab.vision.figures import PALETTE, faded, figure_style, upsample


def test_upsampling_is_nearest_neighbour():
    grid = np.random.default_rng(0).random((3, 5))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(grid)[None, None], size=(13, 11), mode="nearest"
    )
    np.testing.assert_array_equal(upsample(grid, (13, 11)), expected[0, 0].numpy())


def test_faded_keeps_and_fades():
    image = np.full((4, 8, 3), 100, dtype=np.uint8)
    shown = faded(image, np.array([[1.0, 0.0]]))
    assert (shown[:, :4] == 100).all()
    assert (shown[:, 4:] > 230).all()


def test_figure_style_is_undone():
    import matplotlib

    before = matplotlib.rcParams["font.size"]
    with figure_style():
        assert matplotlib.rcParams["axes.prop_cycle"].by_key()["color"] == PALETTE
    assert matplotlib.rcParams["font.size"] == before
