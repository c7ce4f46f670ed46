"""The learner of one image: room to work in, and the compiled phases behind one object.

The first use of a dtype compiles for some seconds and is kept on disk; ``prepare`` does it ahead and says how long it took.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from ersm_lab.papers.slem.checks import Array, InputError, checked, sensitivities
from ersm_lab.papers.slem.engine import pretrain as first_phase
from ersm_lab.papers.slem.engine import sweep as second_phase
from ersm_lab.papers.slem.engine.kernel import Learner, Windows
from ersm_lab.papers.slem.engine.lanes import LANES
from ersm_lab.papers.slem.engine.network import Network, aligned
from ersm_lab.papers.slem.engine.sweep import Scene
from ersm_lab.papers.slem.engine.traversal import key_of
from ersm_lab.papers.slem.schema import ACTIVATIONS, TRAVERSALS, LearnerSettings

HALVINGS = 40  # of a step size that diverges


def _compiled() -> tuple[Callable[..., None], Callable[..., int]]:
    """Both phases, of which the arguments come one by one.

    Numba looks at one file to see whether its disk cache is stale: the closure tells it of all. A class among the types of
    the arguments would have to be found again before it can tell that a cache is stale, so there is none.
    """
    folder = Path(__file__).parent
    names = ("activations", "kernel", "lanes", "pretrain", "spans", "sweep", "traversal")
    sources = zlib.crc32(b"".join((folder / f"{name}.py").read_bytes() for name in names))
    scene = len(Scene._fields)
    learner = scene + len(Learner._fields)
    windows = learner + len(Windows._fields)

    @njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
    def pretrain(*a: Any) -> Any:
        _ = sources
        return first_phase.pretrain(Scene(*a[:scene]), Learner(*a[scene:learner]), *a[learner:])

    @njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
    def sweep(*a: Any) -> Any:
        _ = sources
        held = Scene(*a[:scene]), Learner(*a[scene:learner]), Windows(*a[learner:windows])
        return second_phase.sweep(held[0], held[1], held[2], *a[windows:])

    return pretrain, sweep


_pretrain, _sweep = _compiled()


class Maps(NamedTuple):
    """What one sweep leaves, each ``(h, w)``: Learning Entropy, sum of |dw| over weights, and e = y - f(x)."""

    entropy: Array
    activity: Array
    error: Array


def window_grid(image_shape: tuple[int, int], settings: LearnerSettings) -> tuple[int, int]:
    """(rows, columns) of the windows of an image of ``image_shape``.

    Raises ``InputError`` for settings out of range, and for windows and memories that do not fit.
    """
    k, (rows, columns) = checked(settings).window_size, image_shape
    if min(rows, columns) < k:
        raise InputError(f"window_size is {k}, but the image has only {rows} x {columns} pixels")
    windows, needed = (rows - k + 1) * (columns - k + 1), settings.memory + settings.order
    if needed > windows:
        raise InputError(
            f"memory is {settings.memory} and order {settings.order}, which takes {needed} pixels to fill, but"
            f" the image has only {windows} windows of {k} x {k}"
        )
    return rows - k + 1, columns - k + 1


class Engine:
    """A learner over images of one shape. Not for two threads at once: give each image its own.

    image_shape: (rows, columns). initial_weights: per hidden layer W (units, inputs) and b (units,), then w (units,)
    and b (); the window's pixels in raster order without the centre; fresh ones from the seed unless given.
    ``size`` is the (rows, columns) of windows. Raises ``InputError`` for what ``window_grid`` refuses, and for weights of another
    shape.
    """

    def __init__(
        self,
        image_shape: tuple[int, int],
        settings: LearnerSettings,
        initial_weights: Sequence[ArrayLike] | None = None,
    ) -> None:
        self.settings, self.line, self.size = settings, image_shape[1], window_grid(image_shape, settings)
        k, columns = settings.window_size, self.line
        self.network = Network(k * k - 1, tuple(settings.hidden))
        self._dtype = np.dtype(settings.dtype).type
        grid = np.arange(k)[:, None] * columns + np.arange(k)
        self._centre = int(grid[k // 2, k // 2])
        self._offsets = np.delete(grid.ravel(), k * k // 2)
        self._weights = self.network.pack(self._checked(initial_weights), self._dtype)
        room, padded, direct = self._room, self.network.padded, settings.alphas is None
        alphas = sensitivities(settings.alphas)
        levels = np.zeros(0) if alphas is None else alphas / settings.memory
        live = room(self.network.rows)
        live[:] = self.network.live
        self._learner = Learner(
            layers=self.network.layers,
            depth=len(settings.hidden),
            scalar_of=self.network.scalar_of,
            row_of=self.network.row_of,
            groups=padded // LANES,
            outgoing=self.network.outgoing,
            last=self.network.scalars - LANES + 1,
            scalars=room(self.network.scalars),
            rows=room(self.network.rows),
            slopes=room(self.network.rows),
            live=live,
            weights=self._weights,
            activation=ACTIVATIONS.index(settings.activation),
            one=self._dtype(1),
        )
        self._learner.scalars[-LANES] = self._learner.rows[-LANES] = 1
        self._windows = Windows(
            order=settings.order,
            memory=settings.memory,
            previous=room((settings.order - 1) * padded),
            ring=room(settings.memory * padded),
            head=room(padded),
            spreads=room(settings.memory * padded * direct),
            head_mean=aligned(padded, np.float64),
            head_spread=aligned(padded, np.float64),
            inverse=1 / np.maximum(np.arange(settings.memory + 1.0), 1.0),
            sensitivities=levels.astype(self._dtype),
            levels=len(levels),
            tiny=self._dtype(1e-10),
        )
        self._share = (1 / self.network.weights if settings.aggregate == "mean" else 1.0) / max(
            1, len(levels)
        )

    def _room(self, size: int) -> Array:
        return aligned(size, self._dtype)

    def _checked(self, weights: Sequence[ArrayLike] | None) -> Sequence[Array]:
        if weights is None:
            return self.network.start(self.settings.seed)
        arrays = [np.asarray(array, np.float64) for array in weights]
        found, wanted = [array.shape for array in arrays], self.network.shapes()
        if found != wanted:
            raise InputError(f"initial_weights have shapes {found}, but must have {wanted}")
        if not all(np.isfinite(array).all() for array in arrays):
            raise InputError("initial_weights hold NaN or infinite values")
        return arrays

    @property
    def weights(self) -> tuple[Array, ...]:
        """Copies of the current weights, as ``initial_weights``."""
        return self.network.unpack(self._weights)

    def _scene(self, image: Array) -> Scene:
        rows, columns = (side + self.settings.window_size - 1 for side in self.size)
        if np.shape(image) != (rows, columns):
            raise InputError(
                f"the engine is for {rows} x {columns} pixels, but the image has shape {np.shape(image)}"
            )
        pixels = np.require(image, self._dtype, ["C", "W"]).ravel()  # a copy only where it has to be
        return Scene(pixels, self.line, *self.size, self._offsets, self._centre)

    def pretrain(self, image: Array) -> None:
        """The first phase: ``settings.pretrain_epochs`` epochs of mini-batches over ``image`` (H, W)."""
        settings, room = self.settings, [self._room(self.network.padded) for _ in range(3)]
        adam = np.array([settings.pretrain_rate, 0.1, 0.001, 1e-8, 0, 0], self._dtype)
        counts = settings.pretrain_epochs, settings.pretrain_batch
        _pretrain(*self._scene(image), *self._learner, *counts, key_of(settings.seed, 1), adam, *room)

    def room_for_maps(self, epochs: int) -> Maps:
        """Zeros for ``epochs`` sweeps to write to, ``(epochs, h, w)`` each."""
        return Maps(*(np.zeros((epochs, *self.size), self._dtype) for _ in range(3)))

    def _epoch(self, image: Array, rate: float, maps: Maps) -> int:
        settings = self.settings
        stopped: int = _sweep(
            *(*self._scene(image), *self._learner, *self._windows, self._dtype(rate)),
            *(settings.step == "normalised", self._dtype(self._share)),
            *(TRAVERSALS.index(settings.traversal), key_of(settings.seed)),
            *(map_.ravel() for map_ in maps),
        )
        return stopped

    def sweep(self, image: Array, maps: Maps | None = None) -> Maps:
        """The second phase, one epoch over ``image`` (H, W): a step per window, which changes the weights.

        maps: contiguous, to write to; new ones unless given.
        Raises ``InputError`` where the learner diverges (|error| above 1e6), with the pixel and a step size that was tried.
        """
        before = self._weights.copy()
        maps = maps or Maps(*(map_[0] for map_ in self.room_for_maps(1)))
        stopped = self._epoch(image, self.settings.learning_rate, maps)
        if stopped < 0:
            return maps
        rate, half = self.settings.learning_rate, self.settings.window_size // 2
        row, column = (int(at) + half for at in divmod(stopped, self.size[1]))
        for _ in range(HALVINGS):
            rate /= 2
            self._weights[:] = before
            if self._epoch(image, rate, maps) < 0:
                advice = f"learning_rate={rate:g} gets through"
                break
        else:
            advice = "no smaller step helps: the weights that it starts from are too large"
        self._weights[:] = before
        raise InputError(
            f"the learner diverges at row {row}, column {column} with learning_rate={self.settings.learning_rate:g}; {advice}"
        )


def prepare(dtype: str = "float32") -> float:
    """Compiles both phases for ``dtype``, or loads them from numba's disk cache: the seconds that took."""
    start = time.perf_counter()
    image = np.zeros((4, 4))
    engine = Engine((4, 4), LearnerSettings(window_size=3, memory=1, hidden=[1], dtype=dtype))
    engine.pretrain(image)
    engine.sweep(image)
    return time.perf_counter() - start


def newly_compiled() -> bool:
    """Whether this process had to compile: numba's disk cache did not hold what it needed."""
    return any(phase.stats.cache_misses for phase in (_pretrain, _sweep))  # type: ignore[attr-defined,union-attr]
