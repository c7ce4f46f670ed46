"""A metric that can keep a row of values per image, for the bootstrap, and gathers them from every process."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class SampledMetric(Metric):
    """Base of metrics with sums as states and, with ``per_sample``, a row of ``width`` float64 values per image."""

    rows: list[Tensor]

    def __init__(self, width: int, per_sample: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.per_sample = width, per_sample
        self.add_state("rows", [], dist_reduce_fx="cat")

    def keep(self, values: Tensor) -> None:
        """Appends ``values (B, width)`` when samples are wanted."""
        if self.per_sample:
            self.rows.append(values.double())

    def kept(self) -> Tensor:
        """All rows ``(n, width)``, in the order of update (rank after rank within ``sync_context``)."""
        # after a reduction torchmetrics holds one tensor in place of the list
        rows = self.rows if isinstance(self.rows, list) else [self.rows]
        return torch.cat([self._no_rows(), *rows])

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """As ``Metric.sync``; a process without data joins with no rows, where torchmetrics would leave the others waiting."""
        if isinstance(self.rows, list) and not self.rows:
            self.rows = [self._no_rows()]
        super().sync(*args, **kwargs)

    def _no_rows(self) -> Tensor:
        return torch.zeros(0, self.width, dtype=torch.float64, device=self.device)
