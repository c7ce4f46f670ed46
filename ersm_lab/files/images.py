"""Image files as 8-bit RGB, whatever they hold."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ersm_lab.core.errors import UserError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".gif"}
# what PIL raises for files that are damaged or no images
UNREADABLE = (
    UnidentifiedImageError,
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    IndexError,
    struct.error,
    Image.DecompressionBombError,
)


def read_rgb(path: Path) -> Image.Image:
    """The picture in 8-bit RGB: gray, CMYK, palette, transparent (on white) and 16-bit pictures are converted.

    Raises ``UserError`` that names the file when it is missing, no image, corrupt or truncated.
    """
    with _opened(path, "image") as image:
        image.load()
        return to_rgb(image)


def to_rgb(image: Image.Image) -> Image.Image:
    """Any PIL image in 8-bit RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        # scaled, not clipped: PIL's own conversion would turn everything above 255 white
        image = Image.fromarray(
            np.clip(np.rint(values * (255 / _white(image, values))), 0, 255).astype(np.uint8)
        )
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, rgba).convert("RGB")
    return image.convert("RGB")


def read_mask(path: Path, value: int | None = None) -> np.ndarray:
    """A mask picture ``(H, W)`` as boolean: everything above 0 is object, or, if ``value`` is given, what equals it.

    Raises ``UserError`` that names the file when it is missing or cannot be read.
    """
    with _opened(path, "mask") as image:
        # values of a palette or deep picture are labels: converting them would change them
        labels = value is not None and image.mode == "P"
        found = np.asarray(image if labels or image.mode.startswith("I") else image.convert("L"))
    return found > 0 if value is None else found == value


def _white(image: Image.Image, values: np.ndarray) -> float:
    """The value that stands for white in a picture of more than 8 bits."""
    if image.mode.startswith("I;16") or image.format == "PPM":
        return 65535.0
    if image.mode == "F":
        return 1.0 if values.max(initial=0) <= 1 else 255.0
    return 65535.0 if values.max(initial=0) > 255 else 255.0


@contextmanager
def _opened(path: Path, what: str) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # PIL's advice on metadata and palettes
            with Image.open(path) as image:
                yield image
    except FileNotFoundError as error:
        raise UserError(f"no {what} file {path}") from error
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read as {what} ({reason}); replace or remove it") from error
