"""Does a ranking of tokens find the object? Masks, and what stands beside them: magnitude, Grad-CAM, position, centre."""

from __future__ import annotations

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.evaluation.classifiers.rankings import importances
from ersm_lab.evaluation.subject import Subject, each
from ersm_lab.metrics.localisation import energy_inside, mask_auroc, matched_area_iou, pointing_game

MEASURES = ("mask_auroc", "pointing_game", "matched_area_iou", "energy_inside")


@each
def evaluate(subject: Subject) -> dict[str, Any]:
    """Writes the table ``localisation_images`` (image, ranking, measures).

    Returns means as ``<split>/localisation/<ranking>/<measure>``, each in [0, 1], higher is better. Chance is 0.5 for
    ``mask_auroc`` and the object's share of the image for ``energy_inside``, which ``<split>/localisation/object_share`` gives.
    """
    if not subject.data.has_masks:
        raise UserError(
            f"evaluation.suite=localisation: the data set at {subject.data.root} has no object masks"
        )
    grid = subject.runner.model.grid_size
    frames = []
    shares: list[Tensor] = []
    for batch in subject.batches:
        scene = subject.scene(batch)
        mask = batch["mask"].cpu()
        shares.append(mask.flatten(1).double().mean(1))
        for name, importance in importances(subject.settings["deletion"]["rankings"], scene).items():
            score = importance.float().cpu()
            values = {
                "mask_auroc": mask_auroc(score, mask, grid),
                "pointing_game": pointing_game(score, mask, grid),
                "matched_area_iou": matched_area_iou(score, mask, grid),
                "energy_inside": energy_inside(_saliency(name, score), mask, grid),
            }
            columns = {key: value.numpy() for key, value in values.items()}
            frames.append(pd.DataFrame({"index": batch["index"].numpy(), "ranking": name, **columns}))
    frame = pd.concat(frames, ignore_index=True)
    subject.store.table(
        "localisation_images",
        frame,
        "Localisation, per image",
        f"Rankings against object masks, {subject.split} split.",
    )
    means = frame.groupby("ranking", sort=False)[list(MEASURES)].mean()
    found = {
        f"{subject.split}/localisation/{ranking}/{measure}": float(means.loc[ranking, measure])  # type: ignore[arg-type]
        for ranking in means.index
        for measure in MEASURES
    }
    return {**found, f"{subject.split}/localisation/object_share": float(torch.cat(shares).mean())}


def _saliency(name: str, score: Tensor) -> Tensor:
    """A non-negative form of a ranking: keep probabilities for scores, the positive part of attributions."""
    if name in ("energy", "position_only"):
        return torch.sigmoid(score)
    if name in ("grad_cam", "grad_cam_baseline", "integrated_gradients"):
        return score.clamp_min(0)
    return score - score.amin(1, keepdim=True) if name in ("centre", "total_energy") else score
