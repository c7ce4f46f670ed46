"""How a network's weights lie in memory for the compiled engine, and back.

``hidden`` units are padded to whole groups of 16 (``LANES``) with zeros, which stay zero: their outgoing weights are
zero, so are their gradients. A layer from n inputs to H units is n rows of H weights, one row per *input*, so that the
units of a row are contiguous, then one row of biases; the output is one row of H weights and one group that holds its bias.

Every increment is a product of a scalar and a row, ``dW[i, :] = input_i * delta``. ``scalar_of`` and ``row_of`` name both
for each group of 16 weights: one flat loop over groups is then the whole update, whatever the layers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike

from ersm_lab.papers.slem.checks import Array
from ersm_lab.papers.slem.engine.lanes import LANES


@dataclass(frozen=True)
class Network:
    """Offsets of an MLP with ``inputs`` inputs, the units of ``hidden`` per layer, and one linear output.

    layers: int64 ``(L, 5)``, per hidden layer: inputs, groups of units, where its weights start, where its inputs
    start among the scalars, where its deltas start among the rows.
    scalar_of, row_of: int64, one entry per group of 16 weights.
    scalars: inputs, activations of the hidden layers, 1, output delta. rows: deltas of the hidden layers, the last
    layer's activations, and (1, 0, ..., 0).
    """

    inputs: int
    hidden: tuple[int, ...]
    layers: Array = field(init=False)
    scalar_of: Array = field(init=False)
    row_of: Array = field(init=False)
    scalars: int = field(init=False)
    rows: int = field(init=False)
    live: Array = field(init=False)

    def __post_init__(self) -> None:
        layers: list[tuple[int, ...]] = []
        scalar_of: list[int] = []
        row_of: list[int] = []
        fan_in, start, row = self.inputs, 0, 0
        one = _padded(self.inputs) + sum(_padded(units) for units in self.hidden)
        for units in self.hidden:
            groups = _padded(units) // LANES
            layers.append((fan_in, groups, len(scalar_of) * LANES, start, row))
            for scalar in [*range(start, start + fan_in), one]:
                scalar_of += [scalar] * groups
                row_of += range(row, row + groups * LANES, LANES)
            start += _padded(fan_in)
            row += groups * LANES
            fan_in = units
        groups = _padded(fan_in) // LANES
        scalar_of += [one + 1] * (groups + 1)
        row_of += range(row, row + (groups + 1) * LANES, LANES)
        set_field = object.__setattr__
        set_field(self, "layers", np.array(layers, np.int64))
        set_field(self, "scalar_of", np.array(scalar_of, np.int64))
        set_field(self, "row_of", np.array(row_of, np.int64))
        set_field(self, "scalars", one + LANES)
        set_field(self, "rows", row + (groups + 1) * LANES)

        live = np.zeros(self.rows)
        for units, start in zip(self.hidden, self.layers[:, 4], strict=True):
            live[start : start + units] = 1
        set_field(self, "live", live)

    @property
    def weights(self) -> int:
        """How many weights there are, padding not counted."""
        sizes = (self.inputs, *self.hidden)
        return sum((a + 1) * b for a, b in zip(sizes, self.hidden, strict=False)) + self.hidden[-1] + 1

    @property
    def outgoing(self) -> int:
        """Where the output's weights start in the flat array."""
        return self.padded - LANES - _padded(self.hidden[-1])

    @property
    def padded(self) -> int:
        """Length of the flat array of weights, a multiple of 16."""
        return len(self.scalar_of) * LANES

    def shapes(self) -> list[tuple[int, ...]]:
        """Of the weight arrays as users give them: W (units, inputs) and b (units,) per layer, w (units,), b ()."""
        sizes = (self.inputs, *self.hidden)
        shapes: list[tuple[int, ...]] = []
        for fan_in, units in zip(sizes, self.hidden, strict=False):
            shapes += [(units, fan_in), (units,)]
        return [*shapes, (self.hidden[-1],), ()]

    def pack(self, weights: Sequence[Array], dtype: DTypeLike) -> Array:
        """The flat array of weight arrays shaped as ``shapes()``."""
        flat = aligned(self.padded, dtype)
        for (fan_in, groups, start, _, _), matrix, bias in zip(
            self.layers, weights[:-2:2], weights[1:-2:2], strict=True
        ):
            block = flat[start : start + (fan_in + 1) * groups * LANES].reshape(fan_in + 1, -1)
            block[:-1, : len(bias)] = np.asarray(matrix).T
            block[-1, : len(bias)] = bias
        last = flat[self.outgoing :]
        last[: self.hidden[-1]] = weights[-2]
        last[-LANES] = weights[-1]
        return flat

    def unpack(self, flat: Array) -> tuple[Array, ...]:
        """Copies of the weight arrays, shaped as ``shapes()``."""
        weights: list[Array] = []
        for (fan_in, groups, start, _, _), units in zip(self.layers, self.hidden, strict=True):
            block = flat[start : start + (fan_in + 1) * groups * LANES].reshape(fan_in + 1, -1)[:, :units]
            weights += [block[:-1].T.copy(), block[-1].copy()]
        last = flat[self.outgoing :]
        return (*weights, last[: self.hidden[-1]].copy(), last[-LANES].copy())

    def start(self, seed: int) -> tuple[Array, ...]:
        """Fresh weights: uniform within one over the square root of the inputs of each unit, as torch's ``Linear``."""
        generator = np.random.default_rng(seed)
        fans = [fan for fan in (self.inputs, *self.hidden) for _ in range(2)]
        return tuple(
            np.asarray(generator.uniform(-1.0, 1.0, shape) / np.sqrt(fan))
            for shape, fan in zip(self.shapes(), fans, strict=True)
        )


def _padded(count: int) -> int:
    return -(-count // LANES) * LANES


def aligned(size: int, dtype: DTypeLike) -> Array:
    """Zeros that start on a cache line: a group of 16 that straddles two costs twice."""
    width = np.dtype(dtype).itemsize
    raw = np.zeros(size + 64 // width, dtype)
    skip = (-raw.ctypes.data % 64) // width
    return raw[skip : skip + size]
