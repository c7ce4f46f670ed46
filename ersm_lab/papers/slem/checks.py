"""What SLEM refuses, in one line each, and images as it wants them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, SupportsInt, cast

import numpy as np
from numpy.typing import ArrayLike

from ersm_lab.core.errors import UserError
from ersm_lab.papers.slem.schema import LEAST_WINDOW, LearnerSettings, has_centre

Array = np.ndarray[Any, np.dtype[Any]]
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, what most readers call greyscale


class InputError(UserError, ValueError):
    """Bad input to SLEM: one line for users, and a ``ValueError`` for code that calls it."""


def luminance(image: ArrayLike) -> Array:
    """``(H, W)`` float64 in [0, 1] from ``(H, W)`` or ``(H, W, 3)``: uint8, uint16, or floats in [0, 1].

    Three channels become luminance, 0.299 R + 0.587 G + 0.114 B. Raises ``InputError`` for other shapes and
    types, and for pixels that are not finite or out of range.
    """
    pixels = np.asarray(image)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise InputError(f"an image is (H, W) or (H, W, 3), but this one has shape {pixels.shape}")
    if pixels.dtype in (np.uint8, np.uint16):
        values = pixels / float(np.iinfo(pixels.dtype).max)
    elif pixels.dtype.kind == "f":
        values = pixels.astype(np.float64)
    else:
        raise InputError(f"an image is uint8, uint16 or float in [0, 1], but this one is {pixels.dtype}")
    bad = ~np.isfinite(values)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"{int(bad.sum())} pixels are NaN or infinite, the first at row {where[0]}, column {where[1]}"
        )
    if values.size and not (values.min() >= -1e-6 and values.max() <= 1 + 1e-6):
        raise InputError(
            f"a float image lies in [0, 1], but this one spans {values.min():g} to {values.max():g}; divide it first"
        )
    return values if values.ndim == 2 else values @ np.array(LUMINANCE)


def sensitivities(alphas: Sequence[float] | None) -> Array | None:
    """The sensitivities of the multiscale form, ascending; None for the direct form."""
    if alphas is None:
        return None
    values = np.sort(np.asarray(alphas, np.float64).ravel())
    if not values.size or not np.isfinite(values).all() or values[0] <= 0:
        raise InputError(
            f"alphas are {values.tolist()}, but must be positive numbers, or None for the direct form"
        )
    return values


def integer(name: str, value: object, least: int) -> int:
    """``value`` as an int of at least ``least``."""
    try:
        number = int(cast(SupportsInt, value))
    except (TypeError, ValueError, OverflowError):
        number = least - 1
    if number != value or number < least:
        raise InputError(f"{name} is {value!r}, but must be a whole number of at least {least}")
    return number


def choice(name: str, value: str, choices: Sequence[str]) -> str:
    """``value``, one of ``choices``."""
    if value not in choices:
        raise InputError(f"{name} is {value!r}, but must be one of {', '.join(choices)}")
    return value


def odd_window(window_size: object) -> int:
    """An odd window of at least 3 pixels."""
    size = integer("window_size", window_size, LEAST_WINDOW)
    if not has_centre(size):
        raise InputError(f"window_size is {size}, but must be odd: a window has a centre; try {size + 1}")
    return size


def checked(settings: LearnerSettings) -> LearnerSettings:
    """``settings``, if a learner can be made of them; the limits are those that the schema states.

    Raises ``InputError`` for the first setting that is out of range.
    """
    odd_window(settings.window_size)
    if not len(settings.hidden):
        raise InputError("hidden names no layer, but needs the units of at least one")
    for units in settings.hidden:
        integer("hidden", units, 1)
    sensitivities(settings.alphas)
    for field in dataclasses.fields(LearnerSettings):
        value, limits = getattr(settings, field.name), field.metadata
        if field.name in ("window_size", "hidden", "alphas"):
            continue
        if "choices" in limits:
            choice(field.name, value, limits["choices"])
        elif isinstance(field.default, int):
            integer(field.name, value, limits["ge"])
        elif not (np.isfinite(value) and value >= limits["ge"]):
            raise InputError(
                f"{field.name} is {value!r}, but must be a finite number of at least {limits['ge']}"
            )
    return settings
