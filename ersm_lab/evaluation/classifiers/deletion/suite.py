"""The deletion protocol on a trained classifier: token-level curves for every ranking, from one pass of the backbone.

The definitions (importance, orders, poolings, what the head sees at both ends) are in ``ersm_lab.metrics.deletion``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ersm_lab.core.protocols import LabelledImages, Summary
from ersm_lab.evaluation.arms import Arms
from ersm_lab.evaluation.classifiers.deletion.compare import compare
from ersm_lab.evaluation.classifiers.deletion.figures import deletion_figure
from ersm_lab.evaluation.classifiers.deletion.pixels import pixel_deletion
from ersm_lab.evaluation.classifiers.models import ClassifierSubject, TokenSuite
from ersm_lab.evaluation.classifiers.rankings import RANDOM, draw, importances, roles, title_of
from ersm_lab.evaluation.classifiers.scene import Scene, scene_of
from ersm_lab.evaluation.classifiers.settings import ClassifierEvaluationConfig
from ersm_lab.metrics.deletion import AREAS, DeletionCurve, deletion_curve
from ersm_lab.runs.artifacts import ArtifactStore

Curves = dict[tuple[str, str], DeletionCurve]  # by ranking and order


class Deletion(TokenSuite):
    """Deletion curves of tokens, and of pixels where they are asked for."""

    def controls(self, settings: ClassifierEvaluationConfig) -> dict[str, str | None]:
        """The other models that rankings look at, with their run directories where settings name one."""
        named = settings.deletion.runs_of_controls
        return {role: named.get(role) for role in roles(settings.deletion.rankings)}

    def measure(self, subject: ClassifierSubject) -> Summary:
        """Writes the tables ``deletion_curves`` (ranking, order, k) and ``deletion_images`` (image, ranking, order) and a figure.

        Returns, as ``<split>/deletion/<name>``: ``deployed_accuracy`` (the soft mask), ``all_kept_accuracy`` (k = 0, what the
        curves start from), and ``<ranking>/<lerf_auc|morf_auc>`` with ``_normalised`` (over the accuracy at k = 0) and
        ``_minus_random``. Higher ``lerf_auc`` and lower ``morf_auc`` are better.
        """
        curves: Curves = {}
        indices: list[Tensor] = []
        deployed: list[Tensor] = []
        for batch in subject.batches:
            scene = scene_of(subject, batch)
            labels = batch["label"].to(scene.features.device)
            indices.append(batch["index"])
            deployed.append((scene.output.logits.argmax(1) == labels).cpu())
            _update(curves, scene, labels, _rankings(subject, scene))
        index = torch.cat(indices).numpy()
        _write(subject, curves, index)
        accuracy = float(torch.cat(deployed).double().mean())
        found = {
            f"{subject.split}/deletion/{name}": value for name, value in _summary(curves, accuracy).items()
        }
        return found | (pixel_deletion(subject) if subject.settings.pixel_deletion.enabled else {})

    def compare(self, arms: Arms, store: ArtifactStore, data: LabelledImages, split: str) -> pd.DataFrame:
        """See ``compare``."""
        return compare(arms, store)


def _rankings(subject: ClassifierSubject, scene: Scene) -> dict[str, list[Tensor]]:
    """Each ranking's importance ``(B, N)``, that of the random one once per draw."""
    settings = subject.settings.deletion
    named = importances([name for name in settings.rankings if name != RANDOM], scene)
    found = {name: [importance] for name, importance in named.items()}
    if RANDOM in settings.rankings:
        found[RANDOM] = [draw(scene, number) for number in range(settings.draws)]
    return found


def _update(curves: Curves, scene: Scene, labels: Tensor, rankings: Mapping[str, Sequence[Tensor]]) -> None:
    model, tokens = scene.model, scene.model.tokens(scene.features)
    geometry = model.deletion_geometry(scene.features)
    for name, draws in rankings.items():
        for order in AREAS:
            found = [
                deletion_curve(
                    tokens, model.head, importance, labels, order, model.pool, index=scene.index, **geometry
                )
                for importance in draws
            ]
            metric = curves.setdefault((name, order), DeletionCurve(tokens.shape[1], order, per_sample=True))
            metric.update(torch.stack(found).double().mean(0).cpu())


def _write(subject: ClassifierSubject, curves: Curves, index: NDArray[np.int64]) -> None:
    store, count = subject.store, len(index)
    curve_of = {key: metric.compute()["curve"].numpy() for key, metric in curves.items()}
    frames = [
        pd.DataFrame({"ranking": name, "order": order, "k": np.arange(len(curve)), "accuracy": curve})
        for (name, order), curve in curve_of.items()
    ]
    table = pd.concat(frames, ignore_index=True)
    table.insert(3, "share", table["k"] / table["k"].max())
    what = "least_first deletes the least important first."
    what = f"Accuracy after deleting k tokens, {subject.split} split, {count} images; {what}"
    store.table("deletion_curves", table, "Deletion curves", what)
    frames = [
        pd.DataFrame({"index": index, "ranking": name, "order": order, "auc": metric.samples().numpy()})
        for (name, order), metric in curves.items()
    ]
    what = "Area under each image's own curve of 0 and 1; random is a mean over draws."
    store.table("deletion_images", pd.concat(frames, ignore_index=True), "Deletion, per image", what)
    figure = deletion_figure(
        {(title_of(name), order): [curve] for (name, order), curve in curve_of.items()}, count
    )
    what = "Left: least important first, higher is better. Right: most important first, lower is better."
    store.figure("deletion", figure, "Deletion curves", what)


def _summary(curves: Curves, deployed: float) -> Summary:
    found: Summary = {"deployed_accuracy": deployed}
    for (name, order), metric in curves.items():
        area = AREAS[order]
        values = metric.compute()
        found["all_kept_accuracy"] = float(values["accuracy"])
        found[f"{name}/{area}"] = float(values[area])
        found[f"{name}/{area}_normalised"] = float(values[f"{area}_normalised"])
        chance = curves.get((RANDOM, order))
        if chance is not None and name != RANDOM:
            found[f"{name}/{area}_minus_random"] = float(values[area]) - float(chance.compute()[area])
    return found
