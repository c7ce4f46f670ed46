"""Instance-weighted hits and misses, as the official Cityscapes evaluator counts them for iIoU.

Each pixel of an instance counts ``mean size of its class / size of the instance``: a small pedestrian weighs as much as a large one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ersm_lab.errors import UserError
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

    Columns: hits and misses of the class; hits and misses of its category, where any label of the category is a hit (zeros for
    categories that also hold labels without instances).

    Parameters
    ----------
    prediction: labelIds ``(H, W)``. instances: ``(H, W)``, ``1000 * labelId + number`` for instances, less for others.
    name: the file, for errors.
    """
    if instances.shape != prediction.shape:
        raise UserError(
            f"{name or 'an image'}: instanceIds of {tuple(instances.shape)} do not fit predictions of {tuple(prediction.shape)}"
        )
    count = len(table.labels)
    # one look at all pixels, then at those of instances only
    place = (instances > _FIRST).flatten().nonzero()[:, 0]
    ids = instances.flatten()[place].long()
    predicted = prediction.flatten()[place].long()
    found = torch.zeros(count, 4, dtype=torch.float64)
    if not len(ids):
        return found
    label = ids // _FIRST
    if int(label.max()) >= count:
        raise UserError(
            f"{name or 'an instanceIds picture'} holds the instance {int(ids.max())}, whose label {table.name} lacks"
        )
    bins = int(ids.max()) + 1
    category = torch.full((count,), -1)
    for i, labels in enumerate(instance_categories(table).values()):
        category[labels] = i
    category = category.to(ids.device)
    sizes = torch.bincount(ids, minlength=bins).cpu()
    hits = torch.bincount(ids[predicted == label], minlength=bins).cpu()
    close = torch.bincount(ids[category[predicted] == category[label]], minlength=bins).cpu()
    mean_size = dict(table.instance_size)
    has_category = (category >= 0).cpu()
    for instance in sizes.nonzero()[:, 0].tolist():
        row = table.labels[instance // _FIRST]
        if row.ignored or row.name not in mean_size:
            continue
        size, hit, near = int(sizes[instance]), int(hits[instance]), int(close[instance])
        weight = mean_size[row.name] / size
        found[row.id, :2] += torch.tensor([hit * weight, (size - hit) * weight], dtype=torch.float64)
        if has_category[row.id]:
            found[row.id, 2:] += torch.tensor([near * weight, (size - near) * weight], dtype=torch.float64)
    return found
