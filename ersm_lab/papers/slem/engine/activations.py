"""Activations of the compiled engine, sixteen units at a time, with their derivatives.

``tanh`` and ``sigmoid`` come from one exponential: ``y = k ln 2 + r``, a polynomial for ``expm1(r)``, |r| <= 0.35, and ``2^k``
from the exponent's bits. Errors against float64 numpy stay below 2.5e-7 in float32 and 5e-16 in
float64; the tests hold them to that.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from ersm_lab.papers.slem.engine.lanes import (
    ROUNDER,
    Lanes,
    fused,
    largest,
    least,
    power_of_two,
    splat,
    where_positive,
)


def expm1(y: Any) -> Any:
    """``exp(y) - 1`` of Lanes; |y| is held to 80 (float32) or 700 (float64)."""
    raise NotImplementedError("compiled code only")


@overload(expm1)
def _expm1(y: Any) -> Any:
    if not isinstance(y, Lanes):
        return None
    single = y.dtype == types.float32
    rounder = ROUNDER[y.dtype]
    real, degree, limit = (np.float32, 7, 80.0) if single else (np.float64, 13, 700.0)
    # Taylor's, from the highest power down to r^2; ln 2 in two parts, so that k times the first is exact
    factors = tuple(1.0 / math.factorial(n) for n in range(degree, 1, -1))
    high = 0.693359375 if single else 0.6931471803691238
    low = math.log(2) - high if single else 1.9082149292705877e-10

    def implementation(y: Any) -> Any:
        y = largest(least(y, splat(real(limit))), splat(real(-limit)))
        shifted = fused(y, splat(real(1.4426950408889634)), splat(real(rounder)))
        k = shifted - splat(real(rounder))
        r = fused(k, splat(real(-low)), fused(k, splat(real(-high)), y))
        p = splat(real(factors[0]))
        for factor in factors[1:]:
            p = fused(p, r, splat(real(factor)))
        p = fused(p, r * r, r)
        scale = power_of_two(shifted)
        return fused(scale, p, scale - splat(real(1.0)))

    return implementation


def activate(kind: Any, z: Any, one: Any) -> Any:
    """(value, derivative) of activation number ``kind`` at Lanes ``z``; ``one`` is 1 in the same dtype."""
    raise NotImplementedError("compiled code only")


@overload(activate, inline="always")
def _activate(kind: Any, z: Any, one: Any) -> Any:
    def implementation(kind: Any, z: Any, one: Any) -> Any:
        ones = splat(one)
        if kind == 0:
            grown = expm1(z + z)
            value = grown / (grown + ones + ones)
            slope = ones - value * value
        elif kind == 1:
            zeros = ones - ones
            value = where_positive(z, z, zeros)
            slope = where_positive(z, ones, zeros)
        else:
            value = ones / (ones + ones + expm1(ones - ones - z))
            slope = value * (ones - value)
        return value, slope

    return implementation
