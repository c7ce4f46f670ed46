"""Learning-rate schedules as plain functions of the step. No torch here."""

from __future__ import annotations

import math
from collections.abc import Callable

Factor = Callable[[int], float]

# the shape after the warm-up, from 1 to 0: of the share of steps done, and the exponent of ``poly``
SHAPES: dict[str, Callable[[float, float], float]] = {
    "constant": lambda t, power: 1.0,
    "cosine": lambda t, power: 0.5 * (1 + math.cos(math.pi * t)),
    "poly": lambda t, power: math.pow(1 - t, power),
}


def schedule_factor(
    name: str, total: int, warmup: float = 0.0, final: float = 0.0, power: float = 0.9
) -> Factor:
    """The learning rate at step ``s`` in ``0..total`` as a factor of the base rate.

    A linear warm-up over ``round(warmup * total)`` steps (the first step already moves), then ``constant``, ``cosine``
    (half a period from 1 to ``final``) or ``poly`` (``(1 - t) ** power``, from 1 to ``final``).
    """
    warm = round(warmup * total)

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / (warm + 1)
        shape = SHAPES[name](min(1.0, (step - warm) / max(1, total - warm)), power)
        return shape if name == "constant" else final + (1 - final) * shape

    return factor
