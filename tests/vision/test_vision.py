"""Pictures in any depth as 8-bit RGB, and what figures draw over them."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.files.images import read_mask, read_rgb
from ersm_lab.vision.figures import PALETTE, faded, figure_style, upsample


def test_deep_pictures_are_scaled(tmp_path):
    """A dark 16-bit picture stays dark: its depth is what the file says, not what its values happen to be."""
    Image.fromarray(np.full((4, 4), 200, dtype=np.uint16)).save(tmp_path / "dark.png")
    assert np.asarray(read_rgb(tmp_path / "dark.png")).max() == 1
    for top, name in ((1.0, "unit.tif"), (255.0, "byte.tif")):
        Image.fromarray(np.array([[0, top / 2, top]], dtype=np.float32)).save(tmp_path / name)
        assert np.asarray(read_rgb(tmp_path / name))[0, :, 0].tolist() == [0, 128, 255]
    Image.fromarray(np.array([[0, 1, 300]], dtype=np.uint16)).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png").tolist() == [[False, True, True]]


def test_colours_survive_conversion(tmp_path):
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "cmyk.tif")
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    red = Image.new("P", (4, 4), 1)
    red.putpalette([0, 0, 0, 255, 0, 0])
    red.save(tmp_path / "palette.png")
    found = {p.stem: np.asarray(read_rgb(p))[0, 0].tolist() for p in tmp_path.iterdir()}
    assert found == {"cmyk": [255, 0, 0], "clear": [255, 255, 255], "palette": [255, 0, 0]}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "PPM", "GIF", "BMP"])
def test_damaged_pictures_and_masks_end_in_one_line(tmp_path, kind):
    """Whatever a decoder raises, the user reads which file it was."""
    rng = np.random.default_rng(1)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (30, 30, 3), dtype=np.uint8)).save(buffer, kind)
    path = tmp_path / f"picture.{kind.lower()}"
    said = []
    for trial in range(60):
        raw = bytearray(buffer.getvalue())
        if trial % 2:
            raw = raw[: rng.integers(0, len(raw) // 2)]
        else:
            raw[rng.integers(0, min(60, len(raw)))] ^= rng.integers(1, 256)
        path.write_bytes(raw)
        for read in (read_rgb, read_mask):
            try:
                read(path)
            except UserError as error:
                said.append(str(error))
    assert len(said) >= 40
    assert not [line for line in said if "\n" in line or str(path) not in line]


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
