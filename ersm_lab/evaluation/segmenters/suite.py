"""The suite of segmentation networks: scores, borders and thin structures, the importance map, seams of masks, cost."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ersm_lab.core.protocols import MaskedSegmentationModel, SegmentationModel, Summary
from ersm_lab.evaluation.arms import Arms
from ersm_lab.evaluation.segmenters.differences import differences, draw_arms
from ersm_lab.evaluation.segmenters.inference import Segmenter
from ersm_lab.evaluation.segmenters.measuring import SceneModule, SceneSubject, mask_ratios, measure_pictures
from ersm_lab.evaluation.segmenters.overlays import draw_overlays
from ersm_lab.evaluation.segmenters.predictions import Predictions
from ersm_lab.evaluation.segmenters.seams import measure_seams
from ersm_lab.evaluation.segmenters.settings import SegmentationEvaluationConfig
from ersm_lab.evaluation.segmenters.tables import write_cost, write_importance, write_pictures, write_scores
from ersm_lab.evaluation.suite import Suite
from ersm_lab.runs.artifacts import ArtifactStore


class Segmentation(Suite[SegmentationEvaluationConfig, SegmentationModel, SceneModule]):
    """Measures segmentation networks at the resolution of the published label files, whatever size the network sees.

    ``evaluate`` writes, for each network: the tables ``classes``, ``images`` (hardest first), ``importance``, ``coverage``,
    ``seams`` and ``cost``; the arrays ``counts`` and ``seams`` (what scores are sums of, per image); figures of classes,
    borders, importance, seams and overlays; and, where ``export`` says so, the folder ``export`` of labelId pictures. The
    summary has ``<split>/<score>`` as ``CityscapesScores``, ``ImportanceQuality`` and ``SeamTest`` name them. The seam test is
    paired where a subject of the same seed is the network's control (see ``MaskedSegmentationModel.is_control_of``).

    ``compare`` gives differences of scores of the whole set, and draws the IoU of each class by arm.
    """

    models = SegmentationModel
    data_modules = SceneModule

    def evaluate(self, subjects: Sequence[SceneSubject]) -> list[Summary]:
        with tempfile.TemporaryDirectory() as folder:
            kept = [Predictions(Path(folder) / str(place)) for place in range(len(subjects))]
            summaries = [_measure(subject, held) for subject, held in zip(subjects, kept, strict=True)]
            for subject, held, summary in zip(subjects, kept, summaries, strict=True):
                if not (subject.settings.seams and mask_ratios(subject.runner.model)):
                    continue
                if subject.data.split(subject.split).labels is None:
                    continue
                controls = [
                    predictions
                    for other, predictions in zip(subjects, kept, strict=True)
                    if _is_control(other, subject)
                ]
                summary |= measure_seams(subject, held, controls[0] if controls else None)
        return summaries

    def compare(self, arms: Arms, store: ArtifactStore, data: SceneModule, split: str) -> pd.DataFrame:
        draw_arms(arms, store)
        return differences(arms, data.table)


def _is_control(other: SceneSubject, subject: SceneSubject) -> bool:
    """Whether ``other`` is of the same seed, and the same network without masks."""
    first, second = other.runner.model, subject.runner.model
    if not (isinstance(first, MaskedSegmentationModel) and isinstance(second, MaskedSegmentationModel)):
        return False
    return other.seed == subject.seed and first.is_control_of(second)


def _measure(subject: SceneSubject, kept: Predictions) -> Summary:
    settings, split, store = subject.settings, subject.data.split(subject.split), subject.store
    segment = Segmenter(subject.runner, settings.inference)
    measured = measure_pictures(subject, segment, kept)
    frame = measured.frame
    summary: Summary = {"images": len(frame)}
    if split.labels is not None and len(frame):
        frame = frame.sort_values("miou", kind="stable", ignore_index=True)
        summary |= write_scores(store, measured.scores)
        if settings.importance:
            summary |= write_importance(store, measured.quality)
    write_pictures(store, frame, subject.split)
    if settings.panels:
        draw_overlays(subject, frame, kept, segment)
    summary = {f"{subject.split}/{name}": value for name, value in summary.items()}
    if settings.cost:
        summary |= write_cost(store, subject.runner)
    return summary
