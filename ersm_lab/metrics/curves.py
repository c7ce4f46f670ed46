"""Areas under accuracy curves, in float64."""

from __future__ import annotations

import torch
from torch import Tensor


def trapezoid_auc(curve: Tensor, x: Tensor | None = None) -> Tensor:
    """Area under ``curve (..., P)`` by the trapezoid rule over an axis that is scaled to [0, 1]: ``(...)`` float64.

    ``x (P,)``, increasing, defaults to equal steps, as k/N for a deletion curve. In the curve's unit, so in [0, 1] for
    accuracies. Raises ValueError for fewer than two points.

    >>> trapezoid_auc(torch.tensor([1.0, 1.0, 0.0])).item()
    0.75
    """
    if curve.shape[-1] < 2:
        raise ValueError(f"a curve needs at least two points, not {curve.shape[-1]}")
    values = curve.double()
    if x is None:
        return (values[..., 1:] + values[..., :-1]).sum(-1) / (2 * (values.shape[-1] - 1))
    place = x.to(values)
    return torch.trapezoid(values, place) / (place[-1] - place[0])
