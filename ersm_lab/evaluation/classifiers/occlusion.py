"""Accuracy under structured occlusion. Models that share a frozen backbone share its passes too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ersm_lab.evaluation.classifiers.figures import heat_map, occlusion_figure
from ersm_lab.evaluation.subject import Subject, same_backbone
from ersm_lab.metrics.occlusion import Cell, OcclusionAccuracy
from ersm_lab.vision.fills import fill_images, partner
from ersm_lab.vision.occluders import TARGETED, cover_ranks


def evaluate(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Writes the tables ``occlusion`` (cell) and ``occlusion_images`` (image, shape), curves and a heat map, per model.

    Returns, as ``<split>/occlusion/<name>``: ``mean`` over the cells with an area above 0, and per shape (first fill) and per
    fill (square) the area under accuracy over area, ``<shape>/<fill>``.
    """
    summaries: list[dict[str, Any]] = [{} for _ in subjects]
    for group in _sharing(subjects):
        metrics = sweep([subjects[i] for i in group])
        for i, metric in zip(group, metrics, strict=True):
            summaries[i] = _write(subjects[i], metric)
    return summaries


def cells_of(settings: Mapping[str, Any], has_masks: bool) -> list[Cell]:
    """Every shape at every area with the first fill, and squares with the others. Targeted shapes only with object masks."""
    shapes = [shape for shape in settings["shapes"] if has_masks or shape not in TARGETED]
    first, *others = settings["fills"]
    areas = sorted(set(settings["areas"]))
    cells = [Cell(shape, area, first) for shape in shapes for area in areas]
    square = "square" if "square" in shapes else shapes[0]
    return cells + [Cell(square, area, fill) for fill in others for area in areas]


def _sharing(subjects: Sequence[Subject]) -> list[list[int]]:
    """Places of subjects grouped by data and equal frozen backbones: their features are the same tensors."""
    groups: list[list[int]] = []
    for i, subject in enumerate(subjects):
        for group in groups:
            first = subjects[group[0]]
            if (
                first.data is subject.data
                and first.split == subject.split
                and same_backbone(first.runner.model, subject.runner.model)
            ):
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


@torch.inference_mode()
def sweep(subjects: Sequence[Subject]) -> list[OcclusionAccuracy]:
    """Every cell on every image; one pass of the shared backbone per cell with something covered, and one clean pass."""
    lead = subjects[0]
    cells = cells_of(lead.settings["occlusion"], lead.data.has_masks)
    metrics = [OcclusionAccuracy(cells, per_sample=True) for _ in subjects]
    for batch in lead.data.eval_dataloader(lead.split, rank_share=False):
        label = batch["label"]
        correct = torch.zeros(len(subjects), len(label), len(cells), dtype=torch.float64)
        clean: Tensor | None = None
        for place, pictures, exists in occluded(lead, batch, cells):
            if pictures is None:  # nothing is covered: the clean pass serves every such cell
                clean = _right(subjects, lead.runner.move(batch)["image"], label) if clean is None else clean
                correct[:, :, place] = clean
            else:
                right = _right(subjects, pictures, label)
                correct[:, :, place] = torch.where(exists, right, torch.full_like(right, torch.nan))
        for metric, values in zip(metrics, correct, strict=True):
            metric.update(values, batch["index"])
    return metrics


def occluded(
    subject: Subject, batch: Mapping[str, Any], cells: Sequence[Cell]
) -> Iterator[tuple[int, Tensor | None, Tensor]]:
    """``(place of the cell, pictures on the device or None where nothing is covered, which images have the cell (B,))``.

    The order of covering is drawn once per shape and image and its ranks are compared with a number per area; fills are made
    once per batch.
    """
    settings, runner = subject.settings["occlusion"], subject.runner
    moved = runner.move(batch)
    images, index = moved["image"], batch["index"]
    size = (images.shape[2], images.shape[3])
    everywhere = torch.ones(len(images), dtype=torch.bool)
    fills: dict[str, Tensor] = {}
    ranks: dict[str, tuple[Tensor, Tensor]] = {}
    for place, cell in enumerate(cells):
        if cell.area == 0:
            yield place, None, everywhere
            continue
        if cell.shape not in ranks:
            ranks = {cell.shape: _ranks(cell.shape, size, settings["seed"], batch, images.device)}
        if cell.fill not in fills:
            others = _others(subject, index).to(images) if cell.fill == "image" else None
            transform = subject.data.transform
            fills[cell.fill] = fill_images(
                images, cell.fill, settings["seed"], index, transform["mean"], transform["std"], others
            )
        order, coverable = ranks[cell.shape]
        count = (cell.area * coverable.double()).round().to(order.dtype)
        covered = order < count[:, None, None].to(images.device)
        yield place, torch.where(covered.unsqueeze(1), fills[cell.fill], images), coverable > 0


def _ranks(
    shape: str, size: tuple[int, int], seed: int, batch: Mapping[str, Any], device: torch.device
) -> tuple[Tensor, Tensor]:
    masks = batch["mask"].numpy() if shape in TARGETED else [None] * len(batch["index"])
    found = [
        cover_ranks(shape, size, seed, int(place), mask)
        for place, mask in zip(batch["index"], masks, strict=True)
    ]
    order = torch.from_numpy(np.stack([ranks for ranks, _ in found])).to(device)
    return order, torch.tensor([coverable for _, coverable in found])


def _others(subject: Subject, index: Tensor) -> Tensor:
    dataset = subject.data.view_dataset(subject.split, None)
    seed = subject.settings["occlusion"]["seed"]
    return torch.stack([dataset[partner(int(place), len(dataset), seed)]["image"] for place in index])


def _right(subjects: Sequence[Subject], pictures: Tensor, label: Tensor) -> Tensor:
    """Whether each model is right: ``(models, B)`` float64."""
    features = subjects[0].runner.features({"image": pictures}).float()
    return torch.stack(
        [
            (subject.runner.model.classify(features).logits.argmax(1).cpu() == label).double()
            for subject in subjects
        ]
    )


def _write(subject: Subject, metric: OcclusionAccuracy) -> dict[str, Any]:
    computed = metric.compute()
    index, right = metric.samples()
    frame = pd.DataFrame(
        [
            {
                "shape": cell.shape,
                "area": cell.area,
                "fill": cell.fill,
                "accuracy": float(value),
                "images": int(count),
            }
            for cell, value, count in zip(metric.cells, computed["accuracy"], metric.count, strict=True)
        ]
    )
    seed = subject.settings["occlusion"]["seed"]
    subject.store.table(
        "occlusion", frame, "Structured occlusion", f"Accuracy per cell, {subject.split} split, occluders drawn with seed {seed}."
    )  # fmt: skip
    subject.store.table(
        "occlusion_images", _per_image(index, right, metric.cells), "Structured occlusion, per image",
        "Mean over the areas above 0 with the first fill; `all` is the mean over every such cell.",
    )  # fmt: skip
    first = metric.cells[0].fill
    main = frame[frame["fill"] == first]
    areas = sorted(main["area"].unique())
    shapes = list(dict.fromkeys(main["shape"]))
    grid = np.stack(
        [main[main["shape"] == shape].sort_values("area")["accuracy"].to_numpy() for shape in shapes]
    )
    curves = {shape: {"accuracy": [values]} for shape, values in zip(shapes, grid, strict=True)}
    subject.store.figure(
        "occlusion", occlusion_figure(curves, areas, title=f"structured occlusion, fill: {first}"), "Structured occlusion",
        "Targeted shapes cover a share of the object or of the background, all others a share of the image.",
    )  # fmt: skip
    squares = frame[frame["shape"] == metric.cells[-1].shape]
    rows = [*(shape.replace("_", " ") for shape in shapes)]
    table = [*grid]
    for fill in [name for name in dict.fromkeys(frame["fill"]) if name != first]:
        rows.append(f"{metric.cells[-1].shape}, {fill}")
        table.append(squares[squares["fill"] == fill].sort_values("area")["accuracy"].to_numpy())
    subject.store.figure(
        "occlusion_heat_map", heat_map(100 * np.stack(table), rows, [f"{100 * area:.0f}" for area in areas], "accuracy, %"),
        "Accuracy per cell", f"Fill: {first}, except where another is named.",
    )  # fmt: skip
    found = {"mean": float(computed["mean"])}
    found |= {f"{shape}/{fill}": float(value) for (shape, fill), value in computed["curves"].items()}
    return {f"{subject.split}/occlusion/{name}": value for name, value in found.items()}


def _per_image(index: Tensor, right: Tensor, cells: Sequence[Cell]) -> pd.DataFrame:
    first = cells[0].fill
    wanted = {"all": [i for i, cell in enumerate(cells) if cell.area > 0]}
    for shape in dict.fromkeys(cell.shape for cell in cells):
        wanted[shape] = [
            i for i, c in enumerate(cells) if c.shape == shape and c.area > 0 and c.fill == first
        ]
    frames = [
        pd.DataFrame(
            {"index": index.numpy(), "shape": shape, "accuracy": right[:, places].nanmean(1).numpy()}
        )
        for shape, places in wanted.items()
        if places
    ]
    return pd.concat(frames, ignore_index=True)
