"""Instance-weighted hits and misses, as the official Cityscapes evaluator counts them for iIoU.

Each pixel of an instance counts ``mean size of its class / size of the instance``: a small pedestrian weighs
as much as a large one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.vision.labels import LabelTable

_FIRST = 1000  # ids up to here are no instances: labels without them, and groups


def instance_categories(table: LabelTable) -> dict[str, list[int]]:
    """LabelIds of each category whose labels all have instances, ignored ones among them."""
    found: dict[str, list[int]] = {}
    for category in dict.fromkeys(label.category for label in table.labels):
        labels = [label for label in table.labels if label.category == category]
        if category and all(label.has_instances for label in labels):
            found[category] = [label.id for label in labels]
    return found


def instance_counts(prediction: Tensor, instances: Tensor, table: LabelTable, name: str = "") -> Tensor:
    """Weighted pixels of one image per labelId, ``(labels, 4)`` float64.

    Columns: hits and misses of the class; hits and misses of its category, where any label of the category is
    a hit (zeros for categories that also hold labels without instances).

    Parameters
    ----------
    prediction: labelIds ``(H, W)``. instances: ``(H, W)``, ``1000 * labelId + number`` for instances, less
        for others.
    name: the file, for errors.
    """
    if instances.shape != prediction.shape:
        raise UserError(
            f"{name or 'an image'}: instanceIds of {tuple(instances.shape)} do not fit predictions of {tuple(prediction.shape)}"
        )
    count = len(table.labels)
    found = torch.zeros(count, 4, dtype=torch.float64)
    category = np.full(256, -1, dtype=np.int64)
    for i, labels in enumerate(instance_categories(table).values()):
        category[labels] = i
    sizes, hits, close, highest = _count(
        np.ascontiguousarray(prediction.cpu().numpy()).reshape(-1),
        np.ascontiguousarray(instances.cpu().numpy()).reshape(-1),
        category,
        _FIRST * count,
    )
    if highest >= _FIRST * count:
        raise UserError(
            f"{name or 'an instanceIds picture'} holds the instance {highest}, whose label {table.name} lacks"
        )
    mean_size = dict(table.instance_size)
    for instance in np.flatnonzero(sizes).tolist():
        row = table.labels[instance // _FIRST]
        if row.ignored or row.name not in mean_size:
            continue
        size, hit, near = int(sizes[instance]), int(hits[instance]), int(close[instance])
        weight = mean_size[row.name] / size
        found[row.id, :2] += torch.tensor([hit * weight, (size - hit) * weight], dtype=torch.float64)
        if category[row.id] >= 0:
            found[row.id, 2:] += torch.tensor([near * weight, (size - near) * weight], dtype=torch.float64)
    return found


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _count(prediction: Any, instances: Any, category: Any, bins: int) -> Any:
    """Pixels of each instance below ``bins``: all, those of its label, those of its label's category; and the highest instance."""
    sizes = np.zeros(bins, dtype=np.int64)
    hits, close = np.zeros_like(sizes), np.zeros_like(sizes)
    highest = np.int64(0)
    for pixel in range(len(instances)):
        instance = np.int64(instances[pixel])
        if instance > _FIRST:
            highest = max(highest, instance)
            if instance < bins:
                label = instance // _FIRST
                guess = prediction[pixel]
                sizes[instance] += 1
                hits[instance] += guess == label
                close[instance] += category[guess] == category[label]
    return sizes, hits, close, highest
