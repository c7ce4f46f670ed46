"""The deletion protocol on a trained classifier: token-level curves for every ranking, from one pass of the backbone.

The definitions (importance, orders, poolings, what the head sees at both ends) are in ``ersm_lab.metrics.deletion``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ersm_lab.evaluation.classifiers.figures import deletion_figure
from ersm_lab.evaluation.classifiers.pixels import pixel_deletion
from ersm_lab.evaluation.classifiers.rankings import importances, random
from ersm_lab.evaluation.subject import Subject, each
from ersm_lab.metrics.curves import trapezoid_auc
from ersm_lab.metrics.deletion import deletion_curve

ORDERS = {"least_first": "lerf_auc", "most_first": "morf_auc"}


@each
def evaluate(subject: Subject) -> dict[str, Any]:
    """Writes the tables ``deletion_curves`` (ranking, order, k) and ``deletion_images`` (image, ranking, order) and a figure.

    Returns, as ``<split>/deletion/<name>``: ``deployed_accuracy`` (the soft mask), ``all_kept_accuracy`` (k = 0, what the
    curves start from), and ``<ranking>/<lerf_auc|morf_auc>`` with ``_normalised`` (over the accuracy at k = 0) and
    ``_minus_random``. Higher ``lerf_auc`` and lower ``morf_auc`` are better.
    """
    settings = subject.settings["deletion"]
    names = [name for name in settings["rankings"] if name != "random"]
    sums: dict[tuple[str, str], np.ndarray] = {}
    areas: dict[tuple[str, str], list[Tensor]] = {}
    indices: list[Tensor] = []
    deployed: list[Tensor] = []
    model = subject.runner.model
    for batch in subject.batches:
        scene = subject.scene(batch)
        labels, index = batch["label"].to(scene.features.device), batch["index"]
        deployed.append((scene.output.logits.argmax(1) == labels).cpu())
        indices.append(index)
        rankings: dict[str, list[Tensor]] = {
            name: [value] for name, value in importances(names, scene).items()
        }
        if "random" in settings["rankings"]:
            rankings["random"] = [random(scene, draw) for draw in range(settings["draws"])]
        tokens = model.tokens(scene.features)
        for name, draws in rankings.items():
            for order in ORDERS:
                curves = torch.stack([
                    deletion_curve(
                        tokens, model.head, draw, labels, order=order, pool=model.pool, index=index,
                        **model.deletion_geometry(scene.features),
                    )
                    for draw in draws
                ]).double().mean(0).cpu()  # fmt: skip
                key = (name, order)
                sums[key] = sums.get(key, 0.0) + curves.sum(0).numpy()
                areas.setdefault(key, []).append(trapezoid_auc(curves))
    count = sum(map(len, deployed))
    curves_of = {key: total / count for key, total in sums.items()}
    subject.store.table(
        "deletion_curves", _curve_table(curves_of), "Deletion curves",
        f"Accuracy after deleting k tokens, {subject.split} split, {count} images; least_first deletes the least important first.",
    )  # fmt: skip
    index = torch.cat(indices).numpy()
    frames = [
        pd.DataFrame({"index": index, "ranking": name, "order": order, "auc": torch.cat(values).numpy()})
        for (name, order), values in areas.items()
    ]
    subject.store.table(
        "deletion_images", pd.concat(frames, ignore_index=True), "Deletion, per image",
        "Area under each image's own curve of 0 and 1; random is a mean over draws.",
    )  # fmt: skip
    if curves_of:
        subject.store.figure(
            "deletion", deletion_figure({key: [curve] for key, curve in curves_of.items()}, count), "Deletion curves",
            "Left: least important first, higher is better. Right: most important first, lower is better.",
        )  # fmt: skip
    pixels = pixel_deletion(subject) if subject.settings["pixel_deletion"]["enabled"] else {}
    return _summary(subject.split, curves_of, float(torch.cat(deployed).double().mean())) | pixels


def _curve_table(curves: dict[tuple[str, str], np.ndarray]) -> pd.DataFrame:
    frames = [
        pd.DataFrame({
            "ranking": name, "order": order, "k": np.arange(len(curve)),
            "share": np.arange(len(curve)) / (len(curve) - 1), "accuracy": curve,
        })
        for (name, order), curve in curves.items()
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _summary(split: str, curves: dict[tuple[str, str], np.ndarray], deployed: float) -> dict[str, Any]:
    found: dict[str, Any] = {"deployed_accuracy": deployed}
    areas = {key: float(trapezoid_auc(torch.as_tensor(curve))) for key, curve in curves.items()}
    for (name, order), area in areas.items():
        start = float(curves[name, order][0])
        found["all_kept_accuracy"] = start
        label = f"{name}/{ORDERS[order]}"
        found[label] = area
        found[f"{label}_normalised"] = area / start if start else float("nan")
        if ("random", order) in areas and name != "random":
            found[f"{label}_minus_random"] = area - areas["random", order]
    return {f"{split}/deletion/{name}": value for name, value in found.items()}
