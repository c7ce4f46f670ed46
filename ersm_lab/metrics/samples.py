"""A metric that can keep a row of values per image, for the bootstrap, and gathers them from every process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from torchmetrics import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class SampledMetric(Metric):
    """Base of metrics with sums as states and, with ``per_sample``, a row of ``columns`` float64 values per image."""

    full_state_update = False
    rows: list[Tensor]

    def __init__(self, columns: int, per_sample: bool, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.columns, self.per_sample = columns, per_sample
        self.add_state("rows", [], dist_reduce_fx="cat")

    def keep(self, values: Tensor) -> None:
        """Appends ``values (B, columns)`` when samples are wanted."""
        if self.per_sample:
            self.rows.append(values.double())

    def kept(self) -> Tensor:
        """All rows ``(n, columns)``, in the order of update (rank after rank within ``sync_context``)."""
        # after a reduction torchmetrics holds one tensor in place of the list
        rows = self.rows if isinstance(self.rows, list) else [self.rows]
        return torch.cat([self._no_rows(), *rows])

    def sync(
        self,
        dist_sync_fn: Callable[..., object] | None = None,
        process_group: object = None,
        should_sync: bool = True,
        distributed_available: Callable[..., bool] | None = None,
    ) -> None:
        """As ``Metric.sync``; a process without data joins with no rows, where torchmetrics would leave the others waiting."""
        if isinstance(self.rows, list) and not self.rows:
            self.rows = [self._no_rows()]
        super().sync(dist_sync_fn, process_group, should_sync, distributed_available)

    def _no_rows(self) -> Tensor:
        return torch.zeros(0, self.columns, dtype=torch.float64, device=self.device)


def axes_of(ax: Axes | None) -> tuple[Figure, Axes]:
    """Where a metric draws: on the axes that it is given, or on a new figure's."""
    import matplotlib.pyplot as plt

    return plt.subplots() if ax is None else (cast("Figure", ax.figure), ax)
