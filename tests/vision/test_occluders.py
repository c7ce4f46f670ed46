"""Occluders cover what they say, the same pixels for every model, and nothing at area 0."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ersm_lab.vision.fills import fill_images, partner
from ersm_lab.vision.names import FILLS, OCCLUDERS, TARGETED
from ersm_lab.vision.occluders import cover_ranks, draw


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(OCCLUDERS),
    area=st.floats(0, 0.7),
    height=st.integers(8, 40),
    width=st.integers(8, 40),
    seed=st.integers(0, 99),
    index=st.integers(0, 10**6),
)
def test_area_is_exact_and_areas_are_nested(shape, area, height, width, seed, index) -> None:
    covered = draw(shape, area, (height, width), seed, index)
    assert covered.sum() == round(area * height * width)
    assert (covered <= draw(shape, min(1.0, area + 0.2), (height, width), seed, index)).all()
    assert (covered == draw(shape, area, (height, width), seed, index)).all()


@pytest.mark.parametrize("shape", OCCLUDERS)
def test_occluders_differ_between_images_unless_the_shape_leaves_no_choice(shape: str) -> None:
    drawn = {draw(shape, 0.3, (32, 32), 0, index).tobytes() for index in range(8)}
    assert len(drawn) == (1 if shape == "border" else 2 if shape == "checkerboard" else 8)


def test_a_square_is_one_box_inside_the_image() -> None:
    for index in range(20):
        covered = draw("square", 0.25, (40, 40), 0, index)
        rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
        box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        # all but the last, partly covered ring of its edge is filled
        assert covered.sum() / box > 0.9
        assert abs(len(rows) - 20) <= 1
        assert abs(len(columns) - 20) <= 1


@pytest.mark.parametrize(("shape", "axis"), [("horizontal_bars", 1), ("vertical_bars", 0)])
def test_bars_run_across_the_whole_image(shape: str, axis: int) -> None:
    share = draw(shape, 0.5, (40, 40), 0, 3).mean(axis)
    assert ((share == 0) | (share == 1)).sum() >= 39  # at most one line is partly covered


def test_a_border_leaves_the_middle_and_a_board_alternates() -> None:
    border = draw("border", 0.5, (40, 40), 0, 0)
    assert not border[8:32, 8:32].any()
    assert border[[0, -1]].all()
    board = draw("checkerboard", 0.5, (32, 32), 0, 0).reshape(8, 4, 8, 4).mean((1, 3))
    assert set(np.unique(board)) == {0.0, 1.0}
    assert (board[:, 1:] != board[:, :-1]).all()


@settings(max_examples=30, deadline=None)
@given(area=st.floats(0, 1), seed=st.integers(0, 100), share=st.floats(0, 1))
def test_targeted_occluders_cover_their_share_of_the_target_only(
    area: float, seed: int, share: float
) -> None:
    mask = np.random.default_rng(seed).random((12, 15)) < share
    for shape, target in (("object", mask), ("background", ~mask)):
        covered = draw(shape, area, mask.shape, seed, 4, mask)
        assert not (covered & ~target).any()
        assert covered.sum() == round(area * target.sum())


def test_what_cannot_be_drawn_is_named() -> None:
    with pytest.raises(ValueError, match="square, horizontal_bars"):
        draw("circle", 0.1, (8, 8), 0, 0)
    with pytest.raises(ValueError, match="needs the object's mask"):
        draw(TARGETED[0], 0.1, (8, 8), 0, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        draw("square", 1.2, (8, 8), 0, 0)
    assert cover_ranks("object", (8, 8), 0, 0, np.zeros((8, 8), bool))[1] == 0


@pytest.mark.parametrize("fill", FILLS)
def test_fills_do_not_depend_on_the_batch(fill: str) -> None:
    images = torch.randn(5, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    index, others = torch.arange(5) + 30, images.flip(0)
    whole = fill_images(images, fill, 1, index, others=others)
    assert whole.shape == images.shape
    alone = fill_images(images[3:4], fill, 1, index[3:4], others=others[3:4])
    torch.testing.assert_close(whole[3:4], alone)


def test_fills_are_what_they_are_called() -> None:
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    raw = torch.rand(2, 3, 16, 16)
    images = (raw - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    black = fill_images(images, "black", 0, torch.arange(2), mean, std)
    torch.testing.assert_close(
        black * torch.tensor(std)[:, None, None] + torch.tensor(mean)[:, None, None], torch.zeros_like(raw)
    )
    assert not fill_images(images, "mean", 0, torch.arange(2)).any()
    blurred = fill_images(images, "blur", 0, torch.arange(2))
    assert blurred.std() < 0.6 * images.std()
    with pytest.raises(ValueError, match="needs other images"):
        fill_images(images, "image", 0, torch.arange(2))
    with pytest.raises(ValueError, match="must be one of"):
        fill_images(images, "red", 0, torch.arange(2))


def test_a_partner_is_never_the_picture_itself() -> None:
    assert all(
        partner(index, 7, seed) not in (index,) and 0 <= partner(index, 7, seed) < 7
        for index in range(7)
        for seed in range(20)
    )
