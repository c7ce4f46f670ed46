"""Image files as 8-bit RGB and as masks: every mode and depth, and damaged files in one line."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.files.images import read_mask, read_rgb


def test_every_kind_of_image_becomes_rgb(tmp_path):
    """Gray, CMYK, palette, transparent and 16-bit pictures; 16 bit is scaled, not clipped."""
    gray = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    Image.fromarray(gray).save(tmp_path / "deep.png")
    found = np.asarray(read_rgb(tmp_path / "deep.png"))[..., 0]
    np.testing.assert_allclose(found, gray / 257, atol=1)
    for mode in ("L", "CMYK", "RGBA", "RGB"):
        Image.new(mode, (8, 8)).save(tmp_path / f"{mode}.{'jpg' if mode == 'CMYK' else 'png'}")
    Image.new("P", (4, 4)).save(tmp_path / "P.png")
    for path in tmp_path.iterdir():
        assert read_rgb(path).mode == "RGB"


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
