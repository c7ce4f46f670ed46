"""The compiled learner on any selection of windows: what training without some pixels needs.

The engine reads windows from an image by offsets. Here windows are cut out first and laid one after another, so that any set of
them, in any order, is an "image" of one column to it; both phases are the engine's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from ersm_lab.papers.slem.checks import Array, odd_window
from ersm_lab.papers.slem.engine.learner import Engine
from ersm_lab.papers.slem.engine.sweep import Scene
from ersm_lab.papers.slem.schema import LearnerSettings

_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "sigmoid": lambda x: np.asarray(1 / (1 + np.exp(-x))),
}


def all_windows(image: Array, window_size: int) -> Array:
    """Every window of ``image`` (H, W), flat: ``(h, w, window_size ** 2)``, a copy."""
    k = odd_window(window_size)
    windows = sliding_window_view(image, (k, k))
    return np.ascontiguousarray(windows).reshape(*windows.shape[:2], k * k)


class WindowLearner(Engine):
    """The engine's learner over ``count`` windows given as ``(count, k * k)``, in that order under the traversal ``raster``.

    ``pretrain`` and ``sweep`` take such an array in place of an image; maps are ``(count, 1)``.
    """

    def __init__(
        self, count: int, settings: LearnerSettings, initial_weights: Sequence[ArrayLike] | None = None
    ) -> None:
        k = settings.window_size
        super().__init__((count + k - 1, k), settings, initial_weights)
        self.line, self._centre = k * k, k * k // 2
        self._offsets = np.delete(np.arange(k * k), self._centre)

    def _scene(self, image: Array) -> Scene:
        wanted = (self.size[0], self.line)
        if np.shape(image) != wanted:
            raise ValueError(f"windows are {wanted}, but these have shape {np.shape(image)}")
        pixels = np.require(image, self._dtype, ["C", "W"]).ravel()
        return Scene(pixels, self.line, *self.size, self._offsets, self._centre)


def training(windows: Array, settings: LearnerSettings, epochs: int) -> Iterator[tuple[Array, ...]]:
    """Mini-batch training on ``windows`` (n, k * k) as in the first phase: the weights after each of ``epochs`` epochs.

    The step size falls from ``settings.pretrain_rate`` by half a cosine, epoch by epoch: at a constant one the error at the end is mostly
    that of the last few batches. Adam's moments start anew with each epoch; fresh weights, and the order of
    windows in every epoch, follow from ``settings.seed``.
    """
    weights: Sequence[ArrayLike] | None = None
    for epoch in range(epochs):
        rate = settings.pretrain_rate * (1 + np.cos(np.pi * epoch / epochs)) / 2
        seed = settings.seed
        if epoch:
            seed = int(np.random.SeedSequence([settings.seed, epoch]).generate_state(1)[0])
        own = replace(settings, pretrain_epochs=1, pretrain_rate=float(rate), seed=seed)
        learner = WindowLearner(len(windows), own, weights)
        learner.pretrain(windows)
        weights = learner.weights
        yield learner.weights


def prediction_errors(windows: Array, weights: Sequence[ArrayLike], activation: str = "tanh") -> Array:
    """``e = y - f(x)`` of fixed weights at every window: (n,) float64, from ``windows`` (n, k * k)."""
    values = np.asarray(windows, np.float64)
    middle = values.shape[1] // 2
    hidden = np.delete(values, middle, axis=1)
    *layers, outgoing, last = (np.asarray(array, np.float64) for array in weights)
    for matrix, bias in zip(layers[::2], layers[1::2], strict=True):
        hidden = _FUNCTIONS[activation](hidden @ matrix.T + bias)
    return np.asarray(values[:, middle] - (hidden @ outgoing + last))
