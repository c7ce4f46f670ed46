"""Image files as 8-bit RGB, whatever they hold."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ersm_lab.errors import UserError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".gif"}


def read_rgb(path: Path) -> Image.Image:
    """The picture in 8-bit RGB: gray, CMYK, palette, transparent (on white) and 16-bit pictures are converted.

    Raises ``UserError`` that names the file when it is missing, no image, corrupt or truncated.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # PIL's advice on palettes with transparency
            with Image.open(path) as image:
                image.load()
                return to_rgb(image)
    except FileNotFoundError as error:
        raise UserError(f"no image file {path}") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} cannot be read as an image ({error}); replace or remove it") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Any PIL image in 8-bit RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        # 16 bit is scaled, not clipped: PIL's own conversion would turn everything above 255 white
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        image = Image.fromarray(np.clip(np.rint(values * (255 / top)), 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, rgba).convert("RGB")
    return image.convert("RGB")


def read_mask(path: Path) -> np.ndarray:
    """A mask picture ``(H, W)`` as boolean: everything above 0 is object."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L")) > 0
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise UserError(f"{path} cannot be read as a mask ({error})") from error
