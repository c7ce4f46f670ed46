"""The engine on CUDA: many images at once, one per program of ``cuda_kernels``; results are the compiled engine's to rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import triton
from numpy.typing import ArrayLike
from torch import Tensor

from ersm_lab.papers.slem.checks import Array, InputError, sensitivities
from ersm_lab.papers.slem.engine import cuda_kernels
from ersm_lab.papers.slem.engine.learner import Maps, window_grid
from ersm_lab.papers.slem.engine.network import Network
from ersm_lab.papers.slem.engine.sweep import RUNAWAY
from ersm_lab.papers.slem.engine.traversal import orders_of_epochs, visits
from ersm_lab.papers.slem.schema import ACTIVATIONS, STEPS, LearnerSettings

_SCRATCH = 1 << 31  # bytes of windows' scratch at most: images beyond it wait


class _Scratch(NamedTuple):
    """Room for the windows of some images: rings ``(images, M, tile)``, spreads alike where the form is direct, previous increments."""

    images: int
    rings: Tensor
    spreads: Tensor
    previous: Tensor

    @classmethod
    def of(
        cls,
        settings: LearnerSettings,
        tile: tuple[int, int],
        count: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> _Scratch:
        """For as many of ``count`` images as ``_SCRATCH`` bytes hold."""
        memory, order, direct = settings.memory, settings.order, settings.alphas is None
        numbers = tile[0] * tile[1] + 2 * tile[0]
        each = numbers * (memory + order - 1) * dtype.itemsize + numbers * memory * 8 * direct
        images = max(1, min(count, _SCRATCH // each))
        spreads = (images, memory) if direct else (1, 1)
        return cls(
            images,
            torch.empty(images, memory, numbers, dtype=dtype, device=device),
            torch.empty(*spreads, numbers, dtype=torch.float64, device=device),
            torch.empty(images, max(1, order - 1), numbers, dtype=dtype, device=device),
        )


class CudaEngine:
    """Learners over many images of one shape, an image each, on ``device``. As ``engine.Engine``, for one hidden layer.

    Raises ``InputError`` for several hidden layers, and for what ``Engine`` refuses.
    """

    def __init__(
        self,
        images: Array,
        settings: LearnerSettings,
        initial_weights: Sequence[ArrayLike] | None = None,
        device: str = "cuda",
    ) -> None:
        count, rows, columns = images.shape
        self.size = window_grid((rows, columns), settings)
        if len(settings.hidden) != 1:
            raise InputError(
                f"the CUDA engine learns with one hidden layer, not {len(settings.hidden)}; use engine=cpu"
            )
        k, self.settings = settings.window_size, settings
        self.network = Network(k * k - 1, tuple(settings.hidden))
        dtype = {"float32": torch.float32, "float64": torch.float64}[settings.dtype]
        self._images = torch.from_numpy(np.ascontiguousarray(images)).to(device, dtype)
        self._inputs, self._hidden = k * k - 1, settings.hidden[0]
        self._tile = (triton.next_power_of_2(max(2, self._hidden)), triton.next_power_of_2(self._inputs + 1))
        grid = np.arange(k)[:, None] * columns + np.arange(k)
        offsets = np.full(self._tile[1], -1)
        offsets[: self._inputs] = np.delete(grid.ravel(), k * k // 2)
        self._centre, self._columns = int(grid[k // 2, k // 2]), columns
        self._offsets = torch.from_numpy(offsets).to(device, torch.int32)
        start = self.network.start(settings.seed) if initial_weights is None else initial_weights
        w1, b1, w2, b2 = (torch.as_tensor(np.asarray(array, np.float64)) for array in start)
        full = torch.zeros(count, *self._tile, dtype=torch.float64)
        full[:, : self._hidden, : self._inputs], full[:, : self._hidden, self._inputs] = w1, b1
        out = torch.zeros(count, self._tile[0], dtype=torch.float64)
        out[:, : self._hidden] = w2
        self._w1, self._w2 = full.to(device, dtype), out.to(device, dtype)
        self._b2 = torch.full((count,), float(b2), dtype=dtype, device=device)

    def _starts(self, order: Array) -> Tensor:
        """Where the windows of ``order (n, 2)`` begin in an image's flat pixels."""
        return self._int32(order[:, 0] * self._columns + order[:, 1])

    def _int32(self, numbers: Array) -> Tensor:
        return torch.from_numpy(numbers.astype(np.int32)).to(self._images.device)

    def _scalars(self, *values: float) -> Tensor:
        """Numbers in the weights' dtype: what is handed to a kernel by value has single precision."""
        return torch.tensor(values, dtype=self._images.dtype, device=self._images.device)

    def _shared(self) -> tuple[int, int]:
        """Pixels and windows of an image."""
        return self._images[0].numel(), self.size[0] * self.size[1]

    def pretrain(self) -> None:
        """As ``Engine.pretrain``, of all images."""
        s = self.settings
        if not s.pretrain_epochs:
            return
        orders = orders_of_epochs(*self.size, s.seed, s.pretrain_epochs)
        size, samples = self._shared()
        cuda_kernels.pretrain[(len(self._images),)](
            self._images,
            self._starts(orders),
            self._w1,
            self._w2,
            self._b2,
            self._offsets,
            self._scalars(s.pretrain_rate),
            size,
            samples,
            s.pretrain_epochs,
            s.pretrain_batch,
            self._centre,
            self._inputs,
            self._hidden,
            H=self._tile[0],
            P=self._tile[1],
            ACTIVATION=ACTIVATIONS.index(s.activation),
        )

    def sweep(self) -> Maps:
        """As ``Engine.sweep``, of all images: maps ``(images, h, w)``.

        Raises ``InputError`` where a learner diverges, with the image, the pixel and what to try.
        """
        s, count, device, dtype = self.settings, len(self._images), self._images.device, self._images.dtype
        order, samples = visits(s.traversal, *self.size, s.seed), self._shared()[1]
        starts, places = self._starts(order), self._int32(order[:, 0] * self.size[1] + order[:, 1])
        maps = [torch.zeros(count, samples, dtype=dtype, device=device) for _ in range(3)]
        stopped = torch.full((count,), -1, dtype=torch.int32, device=device)
        scratch = _Scratch.of(s, self._tile, count, dtype, device)
        for begin in range(0, count, scratch.images):
            part = slice(begin, begin + scratch.images)
            results = [*(map_[part] for map_ in maps), stopped[part]]
            self._sweep(part, starts, places, scratch, results)
        self._refuse(stopped.cpu().numpy())
        return Maps(*(map_.view(count, *self.size).cpu().numpy() for map_ in maps))

    def _sweep(
        self, part: slice, starts: Tensor, places: Tensor, scratch: _Scratch, results: list[Tensor]
    ) -> None:
        """Some of the images; ``results``: their maps, and where each ran away."""
        s, (size, samples) = self.settings, self._shared()
        alphas = sensitivities(s.alphas)
        count = 0 if alphas is None else len(alphas)
        share = (1 / self.network.weights if s.aggregate == "mean" else 1.0) / max(1, count)
        levels = self._scalars(*(np.zeros(1) if alphas is None else alphas / s.memory))
        scratch.previous.zero_()
        cuda_kernels.sweep[(len(self._images[part]),)](
            self._images[part],
            starts,
            places,
            self._w1[part],
            self._w2[part],
            self._b2[part],
            self._offsets,
            levels,
            scratch.rings,
            scratch.spreads,
            scratch.previous,
            *results,
            self._scalars(s.learning_rate, share, RUNAWAY),
            size,
            samples,
            self._centre,
            self._inputs,
            self._hidden,
            H=self._tile[0],
            P=self._tile[1],
            MEMORY=s.memory,
            ORDER=s.order,
            LEVELS=count,
            ACTIVATION=ACTIVATIONS.index(s.activation),
            NORMALISED=s.step == STEPS[1],
        )

    def _refuse(self, stopped: Array) -> None:
        """Says where the first learner ran away, if any did; ``stopped (images,)``: the window, or -1."""
        if (stopped < 0).all():
            return
        rate, half = self.settings.learning_rate, self.settings.window_size // 2
        image = int(np.argmax(stopped >= 0))
        row, column = (int(at) + half for at in divmod(int(stopped[image]), self.size[1]))
        raise InputError(
            f"the learner of image {image} diverges at row {row}, column {column} with learning_rate={rate:g}; "
            f"try learning_rate={rate / 2:g}"
        )

    def weights(self, image: int) -> tuple[Array, ...]:
        """Copies of one learner's weights, as ``initial_weights``."""
        w1, w2 = self._w1[image].cpu().numpy(), self._w2[image].cpu().numpy()
        h, p = self._hidden, self._inputs
        return w1[:h, :p].copy(), w1[:h, p].copy(), w2[:h].copy(), self._b2[image].cpu().numpy().copy()
