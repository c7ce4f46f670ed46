"""From counts of labels to scores of street scenes: the functional core of ``CityscapesScores``.

Shapes: ``L`` labels of the table, ``K`` evaluated classes; confusion matrices ``(L, L)`` with the truth in rows; bands
``(3, L)``: pixels in both inner bands, in the truth's, in the prediction's. Scores lie in [0, 1], higher is better; NaN where
neither truth nor prediction holds a class, which means leave out.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ersm_lab.metrics.instance_weights import instance_categories
from ersm_lab.metrics.segmentation import mean_defined
from ersm_lab.vision.cityscapes import CITYSCAPES
from ersm_lab.vision.labels import LabelTable

Scores = dict[str, Tensor]


def class_scores(name: str, mean: str, values: Tensor, table: LabelTable) -> Scores:
    """The score ``name`` of each class ``(K,)`` as ``<name>/<class>``, their mean, and ``thin_<name>`` over thin structures."""
    names = table.class_names
    found = {mean: mean_defined(values)}
    thin = [i for i, of in enumerate(names) if of in table.thin]
    if thin:
        found[f"thin_{name}"] = mean_defined(values[thin])
    return {**found, **{f"{name}/{of}": values[i] for i, of in enumerate(names)}}


def class_iou(confusion: Tensor, table: LabelTable) -> Tensor:
    """IoU of each evaluated class, ``(K,)`` float64.

    A prediction of a label that is not evaluated is a miss; predictions on pixels to ignore do not count.
    """
    kept = _kept(table)
    counts = confusion[kept].double()
    hits = counts[:, kept].diagonal()
    union = counts.sum(1) + counts[:, kept].sum(0) - hits
    return hits / union


def band_iou(band: Tensor, table: LabelTable) -> Tensor:
    """Boundary IoU of each evaluated class, ``(K,)`` float64."""
    counts = band.double()[:, _kept(table)]
    return counts[0] / (counts[1] + counts[2] - counts[0])


def street_accuracy(confusion: Tensor, table: LabelTable) -> Tensor:
    """Share of evaluated pixels whose label was predicted."""
    kept = _kept(table)
    return confusion.double()[kept, kept].sum() / confusion[kept].double().sum()


def picture_scores(confusion: Tensor, band: Tensor | None, table: LabelTable) -> dict[str, float]:
    """What one picture's counts tell: ``miou``, ``pixel_accuracy``, ``thin_iou`` and, with a band, ``boundary_iou`` and
    ``thin_boundary_iou``; thin structures where the table has some."""
    found = class_scores("iou", "miou", class_iou(confusion, table), table)
    found["pixel_accuracy"] = street_accuracy(confusion, table)
    if band is not None:
        found |= class_scores("boundary_iou", "boundary_iou", band_iou(band, table), table)
    names = ("miou", "pixel_accuracy", "thin_iou", "boundary_iou", "thin_boundary_iou")
    return {name: float(found[name]) for name in names if name in found}


def category_scores(confusion: Tensor, table: LabelTable) -> Scores:
    """``category_iou/<category>`` and their mean ``category_iou``; nothing where the table has no categories."""
    of = [label.category for label in table.labels]
    kept = _kept(table)
    values = {}
    for category in dict.fromkeys(label.category for label in table.classes):
        if category:
            ids = [i for i in kept if of[i] == category]
            others = [i for i in kept if of[i] != category]
            hits = confusion[ids][:, ids].sum()
            union = confusion[ids].sum() + confusion[others][:, ids].sum()
            values[category] = hits.double() / union
    return _named("category_iou", values)


def instance_scores(instances: Tensor, confusion: Tensor, table: LabelTable) -> Scores:
    """``iiou`` and ``category_iiou``, each with its parts, from the ``(L, 4)`` weighted pixels of ``instance_counts``."""
    sized = dict(table.instance_size)
    false = confusion[_kept(table)].sum(0) - confusion.diagonal()
    classes = {x.name: _share(instances[x.id, :2], false[x.id]) for x in table.classes if x.name in sized}
    categories = {}
    for category, ids in instance_categories(table).items():
        others = [x.id for x in table.classes if x.category != category]
        categories[category] = _share(instances[ids, 2:].sum(0), confusion[others][:, ids].sum())
    return {**_named("iiou", classes), **_named("category_iiou", categories)}


def class_table(
    scores: Mapping[str, Tensor], table: LabelTable = CITYSCAPES
) -> list[dict[str, str | bool | float]]:
    """One row per class of what ``CityscapesScores.compute`` gave: its name, whether it is thin, and each score as a float."""
    kinds = dict.fromkeys(
        key.partition("/")[0] for key in scores if "/" in key and not key.startswith("category")
    )
    rows: list[dict[str, str | bool | float]] = []
    for name in table.class_names:
        values = {kind: float(scores[f"{kind}/{name}"]) for kind in kinds if f"{kind}/{name}" in scores}
        rows.append({"class": name, "thin": name in table.thin, **values})
    return rows


def _kept(table: LabelTable) -> list[int]:
    return [label.id for label in table.classes]


def _named(name: str, values: Mapping[str, Tensor]) -> Scores:
    """The mean under ``name``, and each value under ``<name>/<key>``; nothing of nothing."""
    if not values:
        return {}
    mean = mean_defined(torch.stack(list(values.values())))
    return {name: mean, **{f"{name}/{key}": value for key, value in values.items()}}


def _share(counts: Tensor, false: Tensor) -> Tensor:
    """Weighted hits over weighted hits and misses and plain false positives."""
    return counts[0] / (counts.sum() + false.double())
