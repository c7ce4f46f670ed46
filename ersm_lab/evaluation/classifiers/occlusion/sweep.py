"""Every condition of structured occlusion on every image. Models that share a frozen backbone share its passes too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from ersm_lab.core.protocols import Batch
from ersm_lab.evaluation.classifiers.models import ClassifierSubject, answer, has_features, same_backbone
from ersm_lab.evaluation.classifiers.occlusion.settings import OcclusionConfig
from ersm_lab.metrics.occlusion import Condition, OcclusionAccuracy
from ersm_lab.vision.fills import fill_images, partner
from ersm_lab.vision.names import TARGETED
from ersm_lab.vision.occluders import cover_ranks


def conditions_of(settings: OcclusionConfig, has_masks: bool) -> list[Condition]:
    """Every shape at every area with the first fill, and squares with the others. Targeted shapes only with object masks."""
    shapes = [shape for shape in settings.shapes if has_masks or shape not in TARGETED]
    first, *others = settings.fills
    areas = sorted(set(settings.areas))
    conditions = [Condition(shape, area, first) for shape in shapes for area in areas]
    square = "square" if "square" in shapes else shapes[0]
    return conditions + [Condition(square, area, fill) for fill in others for area in areas]


def sharing(subjects: Sequence[ClassifierSubject]) -> list[list[int]]:
    """Places of subjects grouped by data and equal frozen backbones: their features are the same tensors."""
    groups: list[list[int]] = []
    for place, subject in enumerate(subjects):
        group = next((group for group in groups if _share(subjects[group[0]], subject)), None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    return groups


def _share(first: ClassifierSubject, second: ClassifierSubject) -> bool:
    same_images = first.data is second.data and first.split == second.split
    return same_images and same_backbone(first.runner.model, second.runner.model)


@torch.inference_mode()
def sweep(subjects: Sequence[ClassifierSubject]) -> list[OcclusionAccuracy]:
    """Every condition on every image; one pass of the shared backbone per condition with something covered, and one clean pass."""
    lead = subjects[0]
    conditions = conditions_of(lead.settings.occlusion, lead.data.has_masks)
    metrics = [OcclusionAccuracy(conditions, per_sample=True) for _ in subjects]
    for batch in lead.data.eval_dataloader(lead.split, rank_share=False):
        label = batch["label"]
        correct = torch.zeros(len(subjects), len(label), len(conditions), dtype=torch.float64)
        clean: Tensor | None = None
        for place, pictures, exists in occluded(lead, batch, conditions):
            if pictures is None:  # nothing is covered: the clean pass serves every such condition
                clean = _right(subjects, batch["image"], label) if clean is None else clean
                correct[:, :, place] = clean
            else:
                right = _right(subjects, pictures, label)
                correct[:, :, place] = torch.where(exists, right, torch.full_like(right, torch.nan))
        for metric, values in zip(metrics, correct, strict=True):
            metric.update(values, batch["index"])
    return metrics


def occluded(
    subject: ClassifierSubject, batch: Batch, conditions: Sequence[Condition]
) -> Iterator[tuple[int, Tensor | None, Tensor]]:
    """``(place of the condition, pictures on the device or None where nothing is covered, which images have the condition (B,))``.

    The order of covering is drawn once per shape and image and its ranks are compared with a number per area; fills are made
    once per batch.
    """
    seed, index = subject.settings.occlusion.seed, batch["index"]
    images = subject.runner.place(batch["image"])
    size = (images.shape[2], images.shape[3])
    everywhere = torch.ones(len(images), dtype=torch.bool)
    fills: dict[str, Tensor] = {}
    ranks: dict[str, tuple[Tensor, Tensor]] = {}
    for place, condition in enumerate(conditions):
        if condition.area == 0:
            yield place, None, everywhere
            continue
        if condition.shape not in ranks:
            ranks = {condition.shape: _ranks(condition.shape, size, seed, batch, images.device)}
        if condition.fill not in fills:
            others = _others(subject, index).to(images) if condition.fill == "image" else None
            mean, std = subject.data.normalisation
            fills[condition.fill] = fill_images(images, condition.fill, seed, index, mean, std, others)
        order, coverable = ranks[condition.shape]
        count = (condition.area * coverable.double()).round().to(order.dtype)
        covered = order < count[:, None, None].to(images.device)
        yield place, torch.where(covered.unsqueeze(1), fills[condition.fill], images), coverable > 0


def _ranks(
    shape: str, size: tuple[int, int], seed: int, batch: Batch, device: torch.device
) -> tuple[Tensor, Tensor]:
    masks = batch["mask"].numpy() if shape in TARGETED else [None] * len(batch["index"])
    found = [
        cover_ranks(shape, size, seed, int(place), mask)
        for place, mask in zip(batch["index"], masks, strict=True)
    ]
    order = torch.from_numpy(np.stack([ranks for ranks, _ in found])).to(device)
    return order, torch.tensor([coverable for _, coverable in found])


def _others(subject: ClassifierSubject, index: Tensor) -> Tensor:
    dataset, seed = subject.data.view_dataset(subject.split, None), subject.settings.occlusion.seed
    return torch.stack([dataset[partner(int(place), len(dataset), seed)]["image"] for place in index])


def _right(subjects: Sequence[ClassifierSubject], pictures: Tensor, label: Tensor) -> Tensor:
    """Whether each model is right: ``(models, B)`` float64."""
    return torch.stack([(logits.argmax(1).cpu() == label).double() for logits in _logits(subjects, pictures)])


def _logits(subjects: Sequence[ClassifierSubject], pictures: Tensor) -> Iterator[Tensor]:
    runner, model = subjects[0].runner, subjects[0].runner.model
    if not has_features(model):
        yield answer(runner.run(model, pictures)).logits
        return
    features = runner.run(model.features, pictures).float()
    for subject in subjects:
        other = subject.runner.model
        assert has_features(other)  # its backbone is the same
        yield answer(other.classify(features)).logits
