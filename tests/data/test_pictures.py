"""Pictures without labels: every depth and kind of file, what is refused, and the data module."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.data.layouts import read_layout
from ersm_lab.data.layouts.photographs import PHOTOGRAPHS
from ersm_lab.data.picture_module import PictureDataModule
from ersm_lab.data.pictures import names_of, picture_files, read_pictures, scaled
from ersm_lab.data.structures import KINDS, structure

RNG = np.random.default_rng(0)
GREY8 = RNG.integers(0, 256, (9, 11), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (9, 11), dtype=np.uint16)
RGB8 = RNG.integers(0, 256, (9, 11, 3), dtype=np.uint8)
RGB16 = RNG.integers(0, 65536, (9, 11, 3), dtype=np.uint16)
FLOAT = RNG.random((9, 11)).astype(np.float32)


def png16(path, pixels):
    """A PNG of 16 bits a sample, which PIL does not write for colours."""
    import struct
    import zlib

    colour = {2: 0, 3: {3: 2, 4: 6}.get(pixels.shape[-1])}[pixels.ndim]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, colour, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


@pytest.mark.parametrize("pixels", [GREY8, GREY16, RGB8, RGB16, FLOAT], ids=lambda p: f"{p.dtype}{p.ndim}")
def test_no_bit_is_lost(tmp_path, pixels):
    """Breaks when a deep picture is cut to 8 bits, or a float is scaled again."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels)
    np.testing.assert_array_equal(read_pictures(path)[0].pixels, pixels)
    if pixels.dtype.kind == "u":
        png = tmp_path / "a.png"
        if pixels.dtype == np.uint16:
            png16(png, pixels)
        else:
            Image.fromarray(pixels).save(png)
        (found,) = read_pictures(png)
        assert found.pixels.dtype == pixels.dtype
        np.testing.assert_array_equal(found.pixels, pixels)
    white = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    np.testing.assert_allclose(scaled(pixels), pixels / white, rtol=1e-6)


def test_transparency_lies_on_white_at_full_depth(tmp_path):
    pixels = np.zeros((2, 2, 4), np.uint16)
    pixels[0, 0] = (1000, 2000, 3000, 65535)
    png16(tmp_path / "a.png", pixels)
    found = read_pictures(tmp_path / "a.png")[0].pixels
    assert found[0, 0].tolist() == [1000, 2000, 3000]
    assert found[1, 1].tolist() == [65535] * 3


def test_other_modes(tmp_path):
    """A palette, one bit, grey with transparency and CMYK are what they show."""
    for mode, ndim in (("P", 3), ("1", 2), ("LA", 2), ("CMYK", 3)):
        path = tmp_path / f"{mode}.{'tif' if mode == 'CMYK' else 'png'}"
        Image.fromarray(RGB8).convert("L" if mode in ("1", "LA") else "RGB").convert(mode).save(path)
        (found,) = read_pictures(path)
        assert found.pixels.ndim == ndim, mode
        assert found.pixels.shape[:2] == (9, 11)


@pytest.mark.parametrize(
    ("stack", "shapes"),
    [
        (np.stack([GREY16] * 3), [(9, 11)] * 3),
        (np.stack([RGB8] * 2), [(9, 11, 3)] * 2),
        (np.stack([np.stack([GREY8] * 2)] * 2), [(9, 11)] * 4),
    ],
)
def test_stacks_page_by_page(tmp_path, stack, shapes):
    """Breaks when a stack is taken for one picture, or channels for pages."""
    path = tmp_path / "s.tiff"
    tifffile.imwrite(path, stack, photometric="rgb" if stack.shape[-1] == 3 else "minisblack")
    found = read_pictures(path)
    assert [picture.pixels.shape for picture in found] == shapes
    assert [picture.name for picture in found] == [f"s_p{page:03d}" for page in range(len(shapes))]


def test_planar_colours_and_compressed_pages(tmp_path):
    tifffile.imwrite(
        tmp_path / "planar.tif", np.moveaxis(RGB8, 2, 0), photometric="rgb", planarconfig="separate"
    )
    np.testing.assert_array_equal(read_pictures(tmp_path / "planar.tif")[0].pixels, RGB8)
    pages = [Image.fromarray(GREY8), Image.fromarray(GREY8[::-1].copy())]
    pages[0].save(tmp_path / "lzw.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    found = read_pictures(tmp_path / "lzw.tif")
    np.testing.assert_array_equal(found[1].pixels, GREY8[::-1])


def test_channels_one_by_one(tmp_path):
    Image.fromarray(RGB8).save(tmp_path / "c.png")
    found = read_pictures(tmp_path / "c.png", channels="each")
    assert [picture.name for picture in found] == ["c_red", "c_green", "c_blue"]
    np.testing.assert_array_equal(found[2].pixels, RGB8[:, :, 2])


def bad(tmp_path, kind):
    path = tmp_path / f"{kind}.tif"
    values = FLOAT.copy()
    if kind == "nan":
        values[2, 3] = np.nan
    elif kind == "infinite":
        values[4, 5] = np.inf
    elif kind == "range":
        values = values * 255
    elif kind == "signed":
        values = GREY8.astype(np.int16)
    elif kind == "samples":
        tifffile.imwrite(
            path, np.zeros((9, 11, 5), np.uint8), photometric="minisblack", planarconfig="contig"
        )
        return path
    tifffile.imwrite(path, values)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:150])
    elif kind == "text":
        path.write_text("no picture")
    elif kind == "empty":
        path.write_bytes(b"")
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nan", "1 pixels are NaN or infinite, the first at row 2, column 3"),
        ("infinite", "the first at row 4, column 5"),
        ("range", "floats lie in [0, 1], but these span"),
        ("signed", "holds int16"),
        ("samples", "5 samples a pixel"),
        ("truncated", "cannot be read as a picture"),
        ("text", "cannot be read as a picture"),
        ("empty", "cannot be read as a picture"),
    ],
)
def test_what_cannot_be_learnt_is_named_in_one_line(tmp_path, kind, words):
    path = bad(tmp_path, kind)
    with pytest.raises(UserError) as caught:
        read_pictures(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif"])
def test_damaged_stills_are_named(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    Image.fromarray(RGB8).resize((99, 99)).save(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="cannot be read as a picture") as caught:
        read_pictures(path)
    assert str(path) in str(caught.value)


def test_folders(tmp_path):
    """Sorted, below subfolders, hidden files passed over, endings kept where names would clash."""
    with pytest.raises(UserError, match="no folder"):
        picture_files(tmp_path / "none")
    with pytest.raises(UserError, match="holds no picture"):
        picture_files(tmp_path)
    for name in ("b.png", "sub/a.png", "sub/a.bmp", ".hidden/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(GREY8).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    files = picture_files(tmp_path)
    assert names_of(files, tmp_path) == ["b", "sub/a.bmp", "sub/a.png"]


def test_generated_sets_are_written_once_and_checked(tmp_path):
    options = {"size": 32, "count": 1, "noise": 0.0, "seed": 1}
    found = read_layout("structures", tmp_path / "s", options).files
    assert list(found) == sorted(f"{kind}/00" for kind in KINDS)
    with pytest.raises(UserError, match="other options"):
        read_layout("structures", tmp_path / "s", {**options, "seed": 2})
    for change, words in (
        ({"sise": 3}, "unknown key 'data.options.sise'"),
        ({"size": 16}, "at least 32"),
        ({"size": 64.5}, "whole number"),
        ({"count": 0}, "at least 1"),
        ({"noise": -1}, "at least 0"),
        ({"noise": float("nan")}, "at least 0"),
    ):
        with pytest.raises(UserError, match=words):
            read_layout("structures", tmp_path / "t", {**options, **change})


def test_photographs_come_without_a_network(tmp_path):
    """Breaks when one of them would have to be downloaded, or keeps a longer side than asked for."""
    found = read_layout("photographs", tmp_path / "p", {"size": 64}).files
    assert list(found) == sorted(PHOTOGRAPHS)
    for name, path in found.items():
        (picture,) = read_pictures(path, name)
        assert max(picture.pixels.shape[:2]) == 64


def test_structures_know_their_edges_and_corners():
    """Breaks when an edge is beside its step, or a corner is off its area: held against the grey levels themselves."""
    for kind in KINDS:
        made = structure(kind, 0, 96, noise=0.0)
        again = structure(kind, 0, 96, noise=0.0)
        np.testing.assert_array_equal(made.pixels, again.pixels)
        if kind == "noise":
            assert not made.edges.any()
            continue
        step = np.zeros(made.edges.shape)
        for axis in (0, 1):
            difference = np.abs(np.diff(made.pixels, axis=axis))
            first, second = [slice(None)] * 2, [slice(None)] * 2
            first[axis], second[axis] = slice(None, -1), slice(1, None)
            step[tuple(first)] = np.maximum(step[tuple(first)], difference)
            step[tuple(second)] = np.maximum(step[tuple(second)], difference)
        assert made.edges.mean() < 0.4
        assert (step[made.edges] > 0.01).mean() > 0.99  # where areas meet, grey changes
        beside = np.zeros_like(made.edges)
        above_and_below = made.edges[:-2, 1:-1] | made.edges[2:, 1:-1]
        left_and_right = made.edges[1:-1, :-2] | made.edges[1:-1, 2:]
        beside[1:-1, 1:-1] = ~(made.edges[1:-1, 1:-1] | above_and_below | left_and_right)
        assert step[beside].max() < 0.1  # and nowhere else, but where a tip covers a sixteenth of a pixel
        for row, column in made.corners:
            around = made.edges[
                max(0, int(row) - 1) : int(row) + 3, max(0, int(column) - 1) : int(column) + 3
            ]
            assert around.any(), (kind, row, column)
    assert len(structure("corners", 0).corners) >= 12
    assert len(structure("lines", 0).corners) == 0


def test_the_module_serves_every_picture_once(tmp_path):
    """Breaks when pictures of several shapes cannot be a batch, or one comes twice in an epoch."""
    Image.fromarray(GREY8).save(tmp_path / "a.png")
    Image.fromarray(RGB8[:7]).save(tmp_path / "b.png")
    tifffile.imwrite(tmp_path / "c.tif", np.stack([GREY16] * 2))
    data = PictureDataModule("folder", str(tmp_path), batch_size=3)
    data.setup()
    assert [picture.name for picture in data.pictures] == ["a", "b", "c_p000", "c_p001"]
    loader = data.train_dataloader()
    loader.sampler.set_epoch(1)
    batches = list(loader)
    names = [name for batch in batches for name in batch["name"]]
    assert sorted(names) == ["a", "b", "c_p000", "c_p001"]
    for batch in batches:
        for image, index in zip(batch["image"], batch["index"].tolist(), strict=True):
            pixels = scaled(data.pictures[index].pixels)
            expected = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
            np.testing.assert_array_equal(image.numpy(), expected)
    assert [name for batch in data.eval_dataloader("test") for name in batch["name"]] == [
        picture.name for picture in data.pictures
    ]
    assert data.truth(0) is None


def test_the_module_crops_takes_names_and_knows_the_truth(tmp_path):
    options = {"size": 40, "count": 1, "noise": 0.0, "seed": 0}
    data = PictureDataModule("structures", str(tmp_path / "s"), options, names=["lines/00", "corners/00"])
    data.setup()
    assert [picture.name for picture in data.pictures] == ["lines/00", "corners/00"]
    made = structure("corners", 0, 40, 0.0, 0)
    np.testing.assert_array_equal(data.truth(1)["edges"], made.edges)
    np.testing.assert_array_equal(data.truth(1)["corners"], made.corners)
    cropped = PictureDataModule("structures", str(tmp_path / "s"), options, crop=20)
    cropped.setup()
    assert cropped.pictures[0].pixels.shape == (20, 20)
    np.testing.assert_array_equal(
        cropped.pictures[0].pixels,
        np.asarray(Image.open(tmp_path / "s" / "circles" / "00.png"))[10:30, 10:30],
    )
    assert cropped.truth(0) is None  # it would lie elsewhere


def test_the_command_makes_them(lab, capsys):
    """Breaks when sets of pictures are known to the trainer only."""
    from ersm_lab.cli import main

    assert main(["data", "make", "structures", "data.options.count=1", "data.options.size=32"]) == 0
    assert "structures: 6 picture files" in capsys.readouterr().out
    assert main(["data", "make", "folder"]) == 1
    assert "no folder" in capsys.readouterr().err
    assert main(["data", "list"]) == 0
    assert "photographs" in capsys.readouterr().out
