"""One pass over a split: each picture is segmented, kept, exported and counted.

Shapes: label pictures ``(H, W)``; the network's images ``(1, 3, h, w)``.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ersm_lab.core.protocols import DataModule, MaskedSegmentationModel, SegmentationModel
from ersm_lab.data.scenes import SceneSplit
from ersm_lab.data.segmentation import SceneItem
from ersm_lab.evaluation.segmenters.export import LabelPictures
from ersm_lab.evaluation.segmenters.inference import Segmented, Segmenter
from ersm_lab.evaluation.segmenters.predictions import Predictions
from ersm_lab.evaluation.segmenters.settings import SegmentationEvaluationConfig
from ersm_lab.evaluation.subject import Subject
from ersm_lab.metrics.cityscapes_scores import CityscapesScores
from ersm_lab.metrics.importance import ImportanceQuality
from ersm_lab.metrics.street_scores import picture_scores
from ersm_lab.vision.labels import LabelTable


class SceneItems(Protocol):
    """A split as a network sees it: items by place."""

    def __getitem__(self, place: int, /) -> SceneItem: ...


class SceneModule(DataModule, Protocol):
    """The data module of pictures with a label per pixel, set up: what the suite of segmenters reads."""

    table: LabelTable

    def split(self, name: str) -> SceneSplit:
        """The raw split ``train``, ``val`` or ``test``."""

    def view_dataset(self, name: str, view: int | None) -> SceneItems:
        """A split under one augmented view, or whole pictures when ``view`` is None."""


SceneSubject = Subject[SegmentationEvaluationConfig, SegmentationModel, SceneModule]


def mask_ratios(model: SegmentationModel) -> tuple[float, ...]:
    """The share of cells in each of the model's masks; ``()`` where it has none."""
    return model.mask_ratios if isinstance(model, MaskedSegmentationModel) else ()


class Measured(NamedTuple):
    """``frame``: a row per picture, ``index``, ``name`` and, with labels, its scores; and the metrics of the whole split."""

    frame: pd.DataFrame
    scores: CityscapesScores
    quality: ImportanceQuality


def measure_pictures(subject: SceneSubject, segment: Segmenter, kept: Predictions) -> Measured:
    """Segments each picture at the size of its label file, or its own where no labels are published."""
    settings, split = subject.settings, subject.data.split(subject.split)
    scores = CityscapesScores(split.table, boundaries=settings.boundaries, per_sample=True)
    quality = ImportanceQuality(mask_ratios(subject.runner.model) if segment.sees_whole_pictures else ())
    export = LabelPictures(subject.store, split.table, settings.export) if settings.export else None
    places: list[int] = []
    for batch in subject.batches:
        for image, place in zip(batch["image"], batch["index"].tolist(), strict=True):
            truth = None if split.labels is None else split.label_ids(place)
            size = np.asarray(split.image(place)).shape[:2] if truth is None else truth.shape
            found = segment(image[None], (int(size[0]), int(size[1])))
            classes = found.probability[0].argmax(0)
            kept.save(place, classes, found.masks)
            if export is not None:
                export.write(split.name(place), classes)
            if truth is not None:
                scores.update(*_label_ids(split, place, truth, classes), names=[split.name(place)])
                if settings.importance:
                    _rate(quality, found, split.train_ids(place))
            places.append(place)
    rows = [{"index": place, "name": split.name(place)} for place in places]
    frame = pd.DataFrame(rows)
    if split.labels is not None:
        frame = pd.concat([frame, pd.DataFrame(_each_picture(scores))], axis=1)
    return Measured(frame, scores, quality)


def _label_ids(
    split: SceneSplit, place: int, truth: NDArray[np.uint8], classes: Tensor
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Prediction, truth and instances of one picture, ``(1, H, W)``, as the official files hold them."""
    assert split.labels is not None
    split.table.train_ids(truth, str(split.labels[place]))  # labels outside the table: the file's own name
    predicted = torch.from_numpy(split.table.label_ids(classes.cpu().numpy()))[None]
    instances = split.instance_ids(place)
    held = None if instances is None else torch.from_numpy(np.ascontiguousarray(instances))[None]
    return predicted, torch.from_numpy(np.ascontiguousarray(truth))[None], held


def _rate(quality: ImportanceQuality, found: Segmented, target: NDArray[np.uint8]) -> None:
    labels = torch.from_numpy(target.astype(np.int64))[None]
    logarithms = found.probability.cpu().clamp_min(torch.finfo(torch.float32).tiny).log()
    importance = None if found.importance is None else found.importance.float().cpu()
    masks = [mask.float().cpu() for mask in found.masks] if quality.ratios else []
    quality.update(logarithms, labels, importance, masks)


def _each_picture(scores: CityscapesScores) -> list[dict[str, float]]:
    counts = scores.samples()
    bands = counts["band"] if scores.boundaries else [None] * len(counts["confusion"])
    return [
        picture_scores(confusion, band, scores.table)
        for confusion, band in zip(counts["confusion"], bands, strict=True)
    ]
