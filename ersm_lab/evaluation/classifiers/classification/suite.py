"""Accuracy of a classifier; how sparse its mask is; and, where the data have object masks, whether it finds the object."""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from ersm_lab.core.protocols import Batch, LabelledImages, Summary
from ersm_lab.evaluation.arms import Arms, column
from ersm_lab.evaluation.classifiers.classification.gallery import draw_gallery
from ersm_lab.evaluation.classifiers.classification.masks import Masks, draw_histograms
from ersm_lab.evaluation.classifiers.classification.panels import draw_panels
from ersm_lab.evaluation.classifiers.models import (
    ClassifierSubject,
    ClassifierSuite,
    classify,
)
from ersm_lab.runs.artifacts import ArtifactStore

_MEANS = {"correct": "accuracy", "cross_entropy": "cross_entropy"}  # columns of the table, and metrics


class Classification(ClassifierSuite):
    """Accuracy, masks, and pictures of both."""

    def measure(self, subject: ClassifierSubject) -> Summary:
        """Writes the tables ``predictions`` (one row per image) and ``mask_histogram``, the array ``masks``, the figure ``panels``.

        Returns means over the split, as ``<split>/<metric>``: ``accuracy``, ``cross_entropy``; with a mask ``effective_share``,
        ``mask_entropy`` (over log N), and, only where the mask's scale means something (the plain mean), ``mean_keep`` and
        ``share_above_half``; with object masks ``mask_auroc``, ``pointing_game`` and ``energy_inside``.
        """
        columns: dict[str, list[Tensor]] = {}
        masks: Masks | None = None
        for batch in subject.batches:
            output = classify(subject, batch)
            for name, value in _answers(output.logits, batch).items():
                columns.setdefault(name, []).append(value.cpu())
            if output.mask is not None:
                masks = masks or Masks.of(subject)
                masks.update(output.mask.keep_prob.float().cpu(), batch)
        frame = pd.DataFrame({name: torch.cat(values).numpy() for name, values in columns.items()})
        split = subject.data.split(subject.split)
        frame.insert(1, "name", [split.name(int(index)) for index in frame["index"]])
        summary: Summary = {name: float(frame[key].mean()) for key, name in _MEANS.items()}
        if masks is not None:
            frame = frame.assign(**masks.columns())
            summary |= masks.means()
        what = f"One row per image of the {subject.split} split ({len(frame)} images)."
        subject.store.table("predictions", frame, "Predictions", what)
        if masks is not None:
            masks.write(subject.store, frame["index"].to_numpy())
        if subject.settings.panels:
            draw_panels(subject, frame, None if masks is None else masks.maps())
        return {f"{subject.split}/{name}": value for name, value in {**summary, "images": len(frame)}.items()}

    def compare(self, arms: Arms, store: ArtifactStore, data: LabelledImages, split: str) -> pd.DataFrame:
        """Differences of accuracy and of the masks' measures; figures ``mask_histogram``, ``gallery_*`` and ``failures_*``."""
        draw_histograms(arms, store)
        draw_gallery(arms, store, data, split)
        measures = {"accuracy": column("predictions", "correct")}
        measures |= {
            name: column("predictions", name) for name in ("effective_share", "mask_auroc", "pointing_game")
        }
        return arms.differences(measures)


def _answers(logits: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Columns of the table for one batch, each ``(B,)``."""
    scores, label = logits.double().cpu(), batch["label"].cpu()
    confidence, predicted = scores.softmax(1).max(1)
    return {
        "index": batch["index"],
        "label": label,
        "predicted": predicted,
        "confidence": confidence,
        "correct": (predicted == label).double(),
        "cross_entropy": F.cross_entropy(scores, label, reduction="none"),
    }
