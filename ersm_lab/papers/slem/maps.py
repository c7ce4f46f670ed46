"""Learning Entropy of every pixel of an image, and of many images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from ersm_lab.core.machine import cores
from ersm_lab.papers.slem.checks import Array, InputError, checked, choice, integer, luminance, sensitivities
from ersm_lab.papers.slem.engine.learner import Engine, Maps
from ersm_lab.papers.slem.schema import ALPHAS, LearnerSettings

ENGINES = ("auto", "cpu", "cuda")
AT_ONCE = 512  # images of one shape that CUDA learns together
Weights = Sequence[ArrayLike] | None


@dataclass(frozen=True)
class SLEMResult:
    """Maps on the grid of window centres, h = H - window_size + 1 and w likewise, one per epoch.

    entropy (E, h, w): Learning Entropy; 0 before sample ``memory + order - 1`` of each epoch. activity (E, h, w): sum
    of |dw| over all weights. error (E, h, w): e = y - f(x) before the step, signed. weights: at the end, shaped as
    ``initial_weights``.
    """

    entropy: Array
    activity: Array
    error: Array
    weights: tuple[Array, ...]


def spatial_learning_entropy(
    image: ArrayLike,
    window_size: int = 5,
    hidden: int | Sequence[int] = 16,
    learning_rate: float = 0.05,
    pretrain_epochs: int | None = None,
    epochs: int = 1,
    memory: int = 30,
    order: int = 1,
    alphas: Sequence[float] | None = ALPHAS,
    traversal: str = "raster",
    seed: int = 0,
    initial_weights: Weights = None,
    dtype: str | None = None,
    **settings: str | float,
) -> SLEMResult:
    """The Spatial Learning Entropy Map of an image (arXiv 2606.10170).

    An MLP with a linear output predicts the centre of each ``window_size`` x ``window_size`` window from its other pixels. It is
    pre-trained on mini-batches, then takes one gradient step on e^2 / 2 per pixel, in a fixed order, ``epochs`` times; a map
    is read off the weight increments of each epoch.

    image: (H, W), or (H, W, 3) of which the luminance is taken; uint8, uint16 or floats in [0, 1].
    hidden: units, or a sequence for several layers. learning_rate: of the sample-by-sample phase.
    pretrain_epochs: 5 unless given, 0 unless given with ``initial_weights``. memory: M, the pixels of a window of
    statistics. alphas: sensitivities of the multiscale form; None for the direct form.
    traversal: raster, serpentine, column, hilbert or random. seed: of fresh weights, mini-batches and the random traversal.
    initial_weights: ``(W1 (hidden, k * k - 1), b1 (hidden,), w2 (hidden,), b2 ())``, k * k - 1 pixels in raster order
    without the centre; W and b per layer for several.
    dtype: float32 or float64, of weights and results; that of ``initial_weights``, and float32 without them, unless given.
    settings: activation, step, aggregate, pretrain_rate, pretrain_batch, see ``schema.LearnerSettings``.

    Raises ``ValueError`` (``InputError``, one line) for bad settings or pixels, and where the learner diverges.
    """
    given = {
        "window_size": window_size,
        "hidden": hidden,
        "learning_rate": learning_rate,
        "pretrain_epochs": pretrain_epochs,
        "epochs": epochs,
        "memory": memory,
        "order": order,
        "alphas": alphas,
        "traversal": traversal,
        "seed": seed,
        "initial_weights": initial_weights,
        "dtype": dtype,
    }
    return learn(image, *_request({**given, **settings}))


def learn(
    image: ArrayLike,
    settings: LearnerSettings,
    epochs: int = 1,
    initial_weights: Weights = None,
) -> SLEMResult:
    """As ``spatial_learning_entropy``, of typed settings."""
    pixels = luminance(image).astype(settings.dtype)
    engine = Engine((pixels.shape[0], pixels.shape[1]), settings, initial_weights)
    engine.pretrain(pixels)
    maps = engine.room_for_maps(epochs)
    for epoch in range(epochs):
        engine.sweep(pixels, Maps(*(map_[epoch] for map_ in maps)))
    return SLEMResult(*maps, engine.weights)


def _request(keywords: Mapping[str, object]) -> tuple[LearnerSettings, int, Weights]:
    """Keywords of ``spatial_learning_entropy`` as settings, epochs and initial weights; None is the default but of ``alphas``."""
    found = {name: value for name, value in keywords.items() if value is not None or name == "alphas"}
    weights = cast(Weights, found.pop("initial_weights", None))
    epochs = integer("epochs", found.pop("epochs", 1), 1)
    found.setdefault("pretrain_epochs", 5 if weights is None else 0)
    double = weights is not None and np.asarray(weights[0]).dtype == np.float64
    found.setdefault("dtype", "float64" if double else "float32")
    hidden = found.get("hidden", 16)
    found["hidden"] = list(hidden) if isinstance(hidden, Iterable) else [hidden]
    levels = sensitivities(cast("Sequence[float] | None", found.get("alphas", ALPHAS)))
    found["alphas"] = None if levels is None else levels.tolist()
    return checked(LearnerSettings.of(found)), epochs, weights


def spatial_learning_entropies(
    images: Iterable[ArrayLike], threads: int | None = None, engine: str = "auto", **settings: object
) -> Iterator[SLEMResult]:
    """``spatial_learning_entropy`` of many images, in the order given.

    threads: of the compiled engine, an image per core; as many as there are cores unless given; results do not depend on it.
    engine: ``cpu``; ``cuda``, many images of one shape at a time, results equal to rounding, one hidden layer; or ``auto``, which
    takes CUDA where there is a device and the settings allow it. settings: of ``spatial_learning_entropy``, the same for all.
    """
    chosen, epochs, weights = _request(settings)
    if choice("engine", engine, ENGINES) == "cuda" or (engine == "auto" and _cuda_fits(chosen)):
        yield from _on_cuda(images, chosen, epochs, weights)
        return
    with ThreadPoolExecutor(integer("threads", threads or cores(), 1)) as pool:
        yield from pool.map(lambda image: learn(image, chosen, epochs, weights), images)


def _cuda_fits(settings: LearnerSettings) -> bool:
    import torch

    return torch.cuda.is_available() and len(settings.hidden) == 1


def _on_cuda(
    images: Iterable[ArrayLike],
    settings: LearnerSettings,
    epochs: int = 1,
    weights: Weights = None,
    device: str = "cuda",
) -> Iterator[SLEMResult]:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("engine is 'cuda', but torch sees no CUDA device; use engine=cpu")
    from ersm_lab.papers.slem.engine.cuda import CudaEngine

    for group in _alike(luminance(image).astype(settings.dtype) for image in images):
        learners = CudaEngine(np.stack(group), settings, weights, device)
        learners.pretrain()
        swept = [learners.sweep() for _ in range(epochs)]
        for i in range(len(group)):
            entropy, activity, error = (np.stack([maps[field][i] for maps in swept]) for field in range(3))
            yield SLEMResult(entropy, activity, error, learners.weights(i))


def _alike(images: Iterable[Array]) -> Iterator[list[Array]]:
    """Runs of images of one shape, at most ``AT_ONCE`` long."""
    group: list[Array] = []
    for image in images:
        if group and (image.shape != group[0].shape or len(group) == AT_ONCE):
            yield group
            group = []
        group.append(image)
    if group:
        yield group
