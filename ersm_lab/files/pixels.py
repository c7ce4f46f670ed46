"""Image files as numbers of full depth: grey or RGB, 8 and 16 bit, floats, TIFF stacks page by page (no torch)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.files.images import UNREADABLE, to_rgb

Pixels = np.ndarray[Any, np.dtype[Any]]
_TIFF = {".tif", ".tiff"}
# what tifffile and torchvision raise besides
_UNREADABLE = (*UNREADABLE, KeyError, TypeError, RuntimeError)


def read_pages(path: Path) -> list[Pixels]:
    """What a file holds, page by page: (H, W) or (H, W, 3), uint8, uint16 or floats as they are stored.

    Transparency lies on white. Raises ``UserError`` that names the file when it is missing or cannot be read.
    """
    if not path.is_file():
        raise UserError(f"no picture file {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on metadata
            return _tiff_pages(path) if path.suffix.lower() in _TIFF else [_still(path)]
    except UserError as error:
        if str(path) in str(error):
            raise
        raise UserError(f"{path}: {error}") from error
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path} cannot be read as a picture ({reason}); replace or remove it") from error


def check_numbers(pixels: Pixels, where: str) -> None:
    """Raises ``UserError`` for other types of number, for NaN and infinity, and for floats outside of [0, 1]."""
    if pixels.dtype not in (np.uint8, np.uint16) and pixels.dtype.kind != "f":
        raise UserError(f"{where} holds {pixels.dtype}; save it with 8 or 16 bits, or as floats in [0, 1]")
    if pixels.dtype.kind != "f":
        return
    bad = ~np.isfinite(pixels)
    if bad.any():
        row, column = (int(at) for at in np.argwhere(bad)[0][:2])
        raise UserError(
            f"{where}: {int(bad.sum())} pixels are NaN or infinite, the first at row {row}, column {column}"
        )
    low, high = float(pixels.min(initial=0)), float(pixels.max(initial=0))
    if low < -1e-6 or high > 1 + 1e-6:
        raise UserError(
            f"{where}: floats lie in [0, 1], but these span {low:g} to {high:g}; divide them first"
        )


def _still(path: Path) -> Pixels:
    header = path.open("rb").read(26)
    if header[:8] == b"\x89PNG\r\n\x1a\n" and header[24:26] in (b"\x10\x02", b"\x10\x06"):
        return _deep_colours(path)
    with Image.open(path) as image:
        image.load()
        return _from_pil(image)


def _from_pil(image: Image.Image) -> Pixels:
    if image.mode in ("L", "F", "I;16"):
        return np.array(image)
    if image.mode in ("I;16B", "I;16L", "I;16N", "I"):
        values = np.array(image).astype(np.int64)
        if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
            raise UserError(
                f"{image.filename if hasattr(image, 'filename') else 'the picture'} holds whole numbers from "
                f"{values.min()} to {values.max()}; save it with 8 or 16 bits, or as floats in [0, 1]"
            )
        return values.astype(np.uint16)
    if image.mode == "1":
        return np.array(image.convert("L"))
    grey = image.mode == "LA"
    pixels = np.array(to_rgb(image))
    return np.ascontiguousarray(pixels[:, :, 0]) if grey else pixels


def _deep_colours(path: Path) -> Pixels:
    """A PNG of 16 bits a colour, which PIL would cut to 8; transparency lies on white."""
    import torch
    from torchvision.io import ImageReadMode, decode_png

    data = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
    pixels = np.moveaxis(decode_png(data, ImageReadMode.UNCHANGED).numpy(), 0, 2)
    if pixels.shape[2] == 4:
        cover = pixels[:, :, 3:] / 65535
        pixels = np.rint(pixels[:, :, :3] * cover + 65535 * (1 - cover)).astype(np.uint16)
    return np.ascontiguousarray(pixels)


def _tiff_pages(path: Path) -> list[Pixels]:
    """Every (rows, columns) plane of every series; samples of a pixel, wherever they lie, become the last axis."""
    import tifffile

    pages: list[Pixels] = []
    try:
        with tifffile.TiffFile(path) as stack:
            for series in stack.series:
                pages += _planes(series.asarray(), series.axes)
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        with Image.open(path) as image:  # a compression that PIL knows and tifffile leaves to another package
            pages = []
            for page in range(getattr(image, "n_frames", 1)):
                image.seek(page)
                pages.append(_from_pil(image))
    if not pages:
        raise UserError(f"{path} holds no page")
    return pages


def _planes(values: Pixels, axes: str) -> list[Pixels]:
    order = [place for place, axis in enumerate(axes) if axis not in "YXS"]
    tail = [axes.index(axis) for axis in "YXS" if axis in axes]
    values = values.transpose(order + tail)
    deep = 3 if "S" in axes else 2
    planes = values.reshape(-1, *values.shape[values.ndim - deep :])
    if deep == 3:
        if planes.shape[3] not in (1, 2, 3, 4):
            raise UserError(f"a page has {planes.shape[3]} samples a pixel, but grey has 1 and RGB 3")
        planes = planes[..., 0] if planes.shape[3] < 3 else planes[..., :3]
    if planes.dtype == np.bool_:
        planes = planes.astype(np.uint8) * np.uint8(255)
    return [np.ascontiguousarray(plane) for plane in planes]
