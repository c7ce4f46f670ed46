"""Pixel-level deletion and insertion of a trained classifier, by one of its token rankings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Batch, Summary
from ersm_lab.evaluation.classifiers.deletion.figures import pixel_figure
from ersm_lab.evaluation.classifiers.models import ClassifierSubject, classify
from ersm_lab.evaluation.classifiers.rankings import importances
from ersm_lab.evaluation.classifiers.scene import scene_of
from ersm_lab.metrics.pixel_deletion import MODES, PixelDeletionCurve, pixel_curve

_IMAGES = 64  # in memory at a time


def pixel_deletion(subject: ClassifierSubject) -> Summary:
    """Writes the table ``pixel_curves`` (mode, fill, share, accuracy, probability) and a figure of it.

    Returns ``<split>/deletion/pixel_<mode>_<fill>_auc``: the area under the label's probability; deletion: lower is better,
    insertion: higher is better. A pixel has the importance of its token.
    """
    settings, runner = subject.settings.pixel_deletion, subject.runner
    kinds = [(mode, fill) for fill in settings.fills for mode in MODES]
    correct, probability = (
        {(mode, fill): PixelDeletionCurve(settings.steps, mode) for mode, fill in kinds} for _ in range(2)
    )

    def logits(pictures: Tensor) -> Tensor:
        return classify(subject, {"image": pictures}).logits

    count = 0
    for batch in _batches(subject):
        images, labels = runner.place(batch["image"]), batch["label"].to(runner.device)
        importance = _pixels(subject, batch)
        count += len(labels)
        for mode, fill in kinds:
            right, belief = pixel_curve(
                logits, images, importance, labels, mode, fill, settings.steps, index=batch["index"]
            )
            correct[mode, fill].update(right.cpu())
            probability[mode, fill].update(belief.cpu())
    frames = []
    summary: Summary = {}
    for mode, fill in kinds:
        found = probability[mode, fill].compute()
        accuracy = correct[mode, fill].compute()["curve"].numpy()
        curves = {"accuracy": accuracy, "probability": found["curve"].numpy()}
        share = np.linspace(0, 1, settings.steps + 1)
        frames.append(pd.DataFrame({"mode": mode, "fill": fill, "share": share, **curves}))
        summary[f"{subject.split}/deletion/pixel_{mode}_{fill}_auc"] = float(found[f"{mode}_auc"])
    frame = pd.concat(frames, ignore_index=True)
    what = f"Ranked by {settings.ranking}, {count} images of the {subject.split} split."
    subject.store.table("pixel_curves", frame, "Deletion and insertion of pixels", what)
    subject.store.figure("pixel_curves", pixel_figure(frame), "Deletion and insertion of pixels", what)
    return summary


def _batches(subject: ClassifierSubject) -> Iterator[Batch]:
    """The chosen images, evenly spread over the split: pixels, not cached features."""
    dataset = subject.data.view_dataset(subject.split, None)
    wanted = min(subject.settings.pixel_deletion.images, len(dataset))
    chosen = np.unique(np.linspace(0, len(dataset) - 1, wanted).round().astype(int))
    for part in np.array_split(chosen, -(-len(chosen) // _IMAGES)):
        items = [dataset[int(place)] for place in part]
        yield {
            "image": torch.stack([item["image"] for item in items]),
            "label": torch.stack([torch.as_tensor(item["label"]) for item in items]),
            "index": torch.stack([torch.as_tensor(item["index"]) for item in items]),
        }


def _pixels(subject: ClassifierSubject, batch: Batch) -> Tensor:
    """The importance ``(B, H, W)`` of each pixel."""
    scene, name = scene_of(subject, batch), subject.settings.pixel_deletion.ranking
    found = importances([name], scene)
    if not found:
        raise UserError(
            f"evaluation.pixel_deletion.ranking={name}: this model has no such ranking; grad_cam always works"
        )
    importance = found[name]
    height, width = batch["image"].shape[2:]
    rows = torch.arange(height, device=importance.device) * scene.grid[0] // height
    columns = torch.arange(width, device=importance.device) * scene.grid[1] // width
    return importance.view(-1, *scene.grid)[:, rows][:, :, columns]
