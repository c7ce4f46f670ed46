"""Accuracy under structured occlusion: a condition per shape, area and fill; the area under each curve; the mean over conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import torch
from torch import Tensor

from ersm_lab.metrics.curves import trapezoid_auc
from ersm_lab.metrics.samples import SampledMetric, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Condition(NamedTuple):
    """One condition: occluder, covered area in [0, 1], what it is filled with."""

    shape: str
    area: float
    fill: str


class OcclusionScores(TypedDict):
    """What ``OcclusionAccuracy`` computes."""

    accuracy: Tensor
    curves: dict[tuple[str, str], Tensor]
    mean: Tensor


class OcclusionAccuracy(SampledMetric):
    """Accuracy per condition; states are sums, so batches and processes do not matter.

    Parameters
    ----------
    conditions: in the order in which ``update`` names them.
    per_sample: keep which images were right, for paired differences; ``samples()`` gives them.

    ``compute()`` gives ``accuracy (conditions,)``, ``curves`` ((shape, fill) -> area under accuracy over area, scaled to [0, 1], for
    those with two areas or more) and ``mean`` over the conditions with an area above 0; all in [0, 1] float64, high is good, NaN
    where nothing was seen.
    """

    higher_is_better = True
    correct: Tensor
    count: Tensor

    def __init__(self, conditions: Sequence[Condition], per_sample: bool = False, **kwargs: object) -> None:
        super().__init__(len(conditions) + 1, per_sample, **kwargs)
        self.conditions = list(conditions)
        self.add_state(
            "correct", torch.zeros(len(self.conditions), dtype=torch.float64), dist_reduce_fx="sum"
        )
        self.add_state("count", torch.zeros(len(self.conditions), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, correct: Tensor, index: Tensor | None = None) -> None:
        """``correct (B, conditions)``: bool, or NaN in a float tensor where a condition does not exist for an image (no object).

        ``index (B,)``: the images' places in their set, kept with ``per_sample``.
        """
        if correct.dim() != 2 or correct.shape[1] != len(self.conditions):
            raise ValueError(
                f"correct must have the shape (B, {len(self.conditions)}), not {tuple(correct.shape)}"
            )
        values = correct.to(self.correct)
        self.correct += values.nansum(0)
        self.count += (~values.isnan()).sum(0)
        places = torch.arange(len(values)) if index is None else index
        self.keep(torch.cat([places.to(values)[:, None], values], 1))

    def compute(self) -> OcclusionScores:
        accuracy = self.correct / self.count
        curves = {}
        for key in dict.fromkeys((condition.shape, condition.fill) for condition in self.conditions):
            found = [
                (condition.area, accuracy[i])
                for i, condition in enumerate(self.conditions)
                if (condition.shape, condition.fill) == key
            ]
            if len(found) > 1:
                areas, values = zip(*sorted(found, key=lambda item: item[0]), strict=True)
                curves[key] = trapezoid_auc(torch.stack(values), torch.tensor(areas, dtype=torch.float64))
        covered = torch.tensor([condition.area > 0 for condition in self.conditions], device=accuracy.device)
        return {"accuracy": accuracy, "curves": curves, "mean": accuracy[covered].nanmean()}

    def samples(self) -> tuple[Tensor, Tensor]:
        """Images' places ``(n,)`` and whether each was right ``(n, conditions)``, sorted by place."""
        table = self.kept()
        table = table[table[:, 0].argsort(stable=True)]
        return table[:, 0].long(), table[:, 1:]

    def plot(self, val: OcclusionScores | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """A curve per shape and fill, in percent."""
        accuracy = (self.compute() if val is None else val)["accuracy"]
        figure, axis = axes_of(ax)
        for shape, fill in dict.fromkeys((condition.shape, condition.fill) for condition in self.conditions):
            found = [
                (c.area, float(a))
                for c, a in zip(self.conditions, accuracy, strict=True)
                if (c.shape, c.fill) == (shape, fill)
            ]
            areas, values = zip(*sorted(found), strict=True)
            axis.plot([100 * a for a in areas], [100 * v for v in values], label=f"{shape}, {fill}")
        axis.set_xlabel("area occluded, %")
        axis.set_ylabel("accuracy, %")
        axis.legend(fontsize="small")
        return figure, axis
