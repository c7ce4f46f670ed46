"""Does a ranking of tokens find the object? A model's own, and what stands beside it: magnitude, Grad-CAM, the centre."""

from __future__ import annotations

from typing import cast

import pandas as pd
import torch
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import LabelledImages, Summary
from ersm_lab.evaluation.arms import Arms, column
from ersm_lab.evaluation.classifiers.deletion.suite import Deletion
from ersm_lab.evaluation.classifiers.models import ClassifierSubject
from ersm_lab.evaluation.classifiers.rankings import find, importances
from ersm_lab.evaluation.classifiers.scene import scene_of
from ersm_lab.evaluation.classifiers.settings import ClassifierEvaluationConfig
from ersm_lab.metrics.localisation import MaskLocalisation
from ersm_lab.runs.artifacts import ArtifactStore

MEASURES = ("mask_auroc", "pointing_game", "matched_area_iou", "energy_inside")


class Localisation(Deletion):
    """Rankings against object masks. It reads the rankings of the deletion protocol, and borrows the same controls."""

    def accept(self, model: object, data: object, settings: ClassifierEvaluationConfig) -> None:
        """Besides members, the data must have object masks."""
        super().accept(model, data, settings)
        _need_objects(cast(LabelledImages, data))

    def measure(self, subject: ClassifierSubject) -> Summary:
        """Writes the table ``localisation_images`` (image, ranking, measures).

        Returns means as ``<split>/localisation/<ranking>/<measure>``, each in [0, 1], higher is better. Chance is 0.5 for
        ``mask_auroc`` and the object's share of the image for ``energy_inside``, which ``<split>/localisation/object_share`` gives.
        """
        _need_objects(subject.data)
        metrics: dict[str, MaskLocalisation] = {}
        indices: list[Tensor] = []
        shares: list[Tensor] = []
        for batch in subject.batches:
            scene, mask = scene_of(subject, batch), batch["mask"].cpu()
            indices.append(batch["index"])
            shares.append(mask.flatten(1).double().mean(1))
            for name, importance in importances(subject.settings.deletion.rankings, scene).items():
                score = importance.float().cpu()
                if name not in metrics:
                    metrics[name] = MaskLocalisation(scene.grid, per_sample=True)
                metric = metrics[name]
                metric.update(score, mask, find(name).saliency(score))
        index = torch.cat(indices).numpy()
        frames = [
            pd.DataFrame({"index": index, "ranking": name}).assign(
                **{measure: metric.samples()[measure].numpy() for measure in MEASURES}
            )
            for name, metric in metrics.items()
        ]
        what = f"Rankings against object masks, {subject.split} split."
        table = pd.concat(frames, ignore_index=True)
        subject.store.table("localisation_images", table, "Localisation, per image", what)
        prefix = f"{subject.split}/localisation"
        found: Summary = {
            f"{prefix}/{name}/{measure}": float(metric.compute()[measure])
            for name, metric in metrics.items()
            for measure in MEASURES
        }
        return {**found, f"{prefix}/object_share": float(torch.cat(shares).mean())}

    def compare(self, arms: Arms, store: ArtifactStore, data: LabelledImages, split: str) -> pd.DataFrame:
        """Differences between arms, each by its paper's own ranking."""
        measures = {
            f"localisation/{ranking}/{measure}": column("localisation_images", measure, ranking=ranking)
            for ranking in arms.own_rankings
            for measure in MEASURES
        }
        return arms.differences(measures)


def _need_objects(data: LabelledImages) -> None:
    if not data.has_masks:
        raise UserError(f"evaluation.suite=localisation: the data set at {data.root} has no object masks")
