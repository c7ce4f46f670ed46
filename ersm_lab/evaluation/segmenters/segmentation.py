"""Scores of a segmentation network at the published resolution, borders and thin structures, the importance map, seams."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.evaluation.segmenters.figures import (
    border_figure,
    class_figure,
    importance_figure,
    seam_figure,
)
from ersm_lab.evaluation.segmenters.inference import Segmentation, Segmenter
from ersm_lab.evaluation.segmenters.overlays import Shown, overlay_figure
from ersm_lab.evaluation.subject import Subject
from ersm_lab.metrics.cityscapes_scores import CityscapesScores
from ersm_lab.metrics.importance import ImportanceQuality
from ersm_lab.metrics.seams import DISTANCES, distance_bins, seam_counts, seam_excess, seam_pixels
from ersm_lab.metrics.street_scores import class_table
from ersm_lab.vision.labels import IGNORE

COUNTS = ("confusion", "instances", "band", "trimap", "f_total", "f_count", "images")


def evaluate(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Writes, for each model: the tables ``classes``, ``images`` (hardest first), ``importance``, ``seams`` and ``cost``; the
    array ``counts`` (what scores are sums of, per image); figures of classes, borders, importance, seams and overlays; and,
    where ``export`` says so, the folder ``export`` of labelId pictures.

    Predictions are brought to the size of the published label files and scored there, whatever size the network sees.
    Returns ``<split>/<score>`` as ``CityscapesScores``, ``ImportanceQuality`` and ``seam_excess`` name them. The seam test is
    paired where a subject of the same seed sees all cells (``head.selection: none``).
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = [_Predictions(Path(folder) / str(place)) for place in range(len(subjects))]
        summaries = [_measure(subject, held) for subject, held in zip(subjects, kept, strict=True)]
        for place, (subject, summary) in enumerate(zip(subjects, summaries, strict=True)):
            labelled = subject.data.split(subject.split).labels is not None
            if labelled and subject.settings["seams"] and _ratios(subject):
                control = next(
                    (i for i, other in enumerate(subjects) if i != place and _is_control(other, subject)),
                    None,
                )
                summary.update(_seams(subject, kept[place], None if control is None else kept[control]))
    return summaries


class _Predictions:
    """What a model said of each picture, on disk while a suite runs: classes, and how many masks hold each cell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def save(self, index: int, classes: Tensor, masks: Sequence[Tensor]) -> None:
        held = [mask[0].to(torch.uint8).cpu().numpy() for mask in masks]
        np.savez_compressed(
            self.folder / f"{index}.npz",
            classes=classes.to(torch.uint8).cpu().numpy(),
            masks=np.stack(held) if held else np.zeros((0, 1, 1, 1), np.uint8),
        )

    def load(self, index: int) -> tuple[Tensor, list[Tensor]]:
        """Classes ``(H, W)`` uint8 and masks ``(1, 1, h, w)``."""
        with np.load(self.folder / f"{index}.npz") as found:
            return torch.from_numpy(found["classes"]), [
                torch.from_numpy(mask)[None] for mask in found["masks"]
            ]


def _ratios(subject: Subject) -> tuple[float, ...]:
    found: tuple[float, ...] = subject.runner.model.mask_ratios
    return found


def _is_control(other: Subject, subject: Subject) -> bool:
    model = other.runner.model
    head = getattr(model.network, "head", None)
    return other.seed == subject.seed and head is not None and head.selection == "none"


def _measure(subject: Subject, kept: _Predictions) -> dict[str, Any]:
    settings, split = subject.settings, subject.data.split(subject.split)
    table, ratios = split.table, _ratios(subject)
    segment = Segmenter(subject.runner, settings["inference"])
    each = CityscapesScores(table, boundaries=settings["boundaries"])
    quality = ImportanceQuality(ratios if not segment.slides else ())
    counts: dict[str, list[Tensor]] = {name: [] for name in COUNTS}
    rows: list[dict[str, Any]] = []
    export = _Export(subject, table) if settings["export"] else None
    for batch in subject.batches:
        for k, place in enumerate(int(index) for index in batch["index"]):
            truth = _truth(split, place)
            size = truth.shape if truth is not None else np.asarray(split.image(place)).shape[:2]
            found = segment(batch["image"][k : k + 1], (int(size[0]), int(size[1])))
            classes = found.probability[0].argmax(0)
            kept.save(place, classes, found.masks)
            if export is not None:
                export.write(split.name(place), classes)
            if truth is None:
                rows.append({"index": place, "name": split.name(place)})
                continue
            each.reset()
            each.update(*_label_ids(split, place, truth, classes), names=[split.name(place)])
            for name in COUNTS:
                counts[name].append(getattr(each, name).cpu().clone())
            rows.append({"index": place, "name": split.name(place), **_image_row(each)})
            if settings["importance"]:
                _rate(quality, found, split.train_ids(place))
    frame = pd.DataFrame(rows)
    summary: dict[str, Any] = {"images": len(frame)}
    if split.labels is not None and rows:
        frame = frame.sort_values("miou", kind="stable", ignore_index=True)
        summary |= _scores(subject, counts)
        if settings["importance"]:
            summary |= _importance(subject, quality)
    what = f"One row per picture of {subject.split}, hardest first (IoU of the classes that truth or prediction holds)."
    subject.store.table("images", frame, "Pictures by difficulty", what)
    if settings["panels"]:
        _overlays(subject, frame, kept, segment)
    summary = {f"{subject.split}/{name}": value for name, value in summary.items()}
    return {**summary, **(_cost(subject) if settings["cost"] else {})}


def _truth(split: Any, place: int) -> np.ndarray | None:
    return None if split.labels is None else split.label_ids(place)


def _label_ids(
    split: Any, place: int, truth: np.ndarray, classes: Tensor
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Prediction, truth and instances of one picture, ``(1, H, W)``, as the official files hold them."""
    split.table.train_ids(truth, str(split.labels[place]))  # labels outside the table: the file's own name
    predicted = torch.from_numpy(split.table.label_ids(classes.cpu().numpy()))[None]
    instances = split.instance_ids(place)
    held = None if instances is None else torch.from_numpy(np.ascontiguousarray(instances))[None]
    return predicted, torch.from_numpy(np.ascontiguousarray(truth))[None], held


def _image_row(scores: CityscapesScores) -> dict[str, float]:
    found = scores.compute()
    names = ("miou", "pixel_accuracy", "thin_iou", "boundary_iou", "thin_boundary_iou")
    return {name: float(found[name]) for name in names if name in found}


def _rate(quality: ImportanceQuality, found: Segmentation, target: np.ndarray) -> None:
    labels = torch.from_numpy(target.astype(np.int64))[None]
    probability = found.probability.cpu().clamp_min(torch.finfo(torch.float32).tiny).log()
    importance = None if found.importance is None else found.importance.float().cpu()
    masks = [mask.float().cpu() for mask in found.masks] if quality.ratios else []
    quality.update(probability, labels, importance, masks)


def _scores(subject: Subject, counts: dict[str, list[Tensor]]) -> dict[str, float]:
    table = subject.data.split(subject.split).table
    whole = CityscapesScores(table, boundaries=subject.settings["boundaries"])
    for name, values in counts.items():
        setattr(whole, name, torch.stack(values).sum(0))
    whole._update_count = 1  # torchmetrics would warn of a compute without an update
    found = whole.compute()
    frame = pd.DataFrame(class_table(found, table))
    subject.store.table(
        "classes",
        frame,
        "Scores by class",
        "In [0, 1], higher is better; nan: neither in truth nor predicted.",
    )
    subject.store.array(
        "counts", "What scores are sums of", "Per picture in the split's order: pixels by true and predicted labelId, and bands.",
        confusion=torch.stack(counts["confusion"]).numpy().astype(np.int32),
        band=torch.stack(counts["band"]).numpy().astype(np.int32),
    )  # fmt: skip
    subject.store.figure("classes", class_figure(frame), "Scores by class", "Thin structures are hatched.")
    if subject.settings["boundaries"]:
        borders: dict[str, list[tuple[float, float]]] = {
            "trimap": [(width, float(found[f"trimap_iou_{width}px"])) for width in whole.trimap_widths],
            "boundary_f": [(ratio, float(found[f"boundary_f_{ratio:g}"])) for ratio in whole.f_ratios],
        }
        subject.store.figure(
            "borders", border_figure(borders, float(found["miou"])), "Scores of borders",
            "Trimap: class IoU of pixels near a true border. Boundary F: widths are shares of the picture's diagonal.",
        )  # fmt: skip
    # scores per class are in the table; a dashboard wants the means, and the IoU of each class
    return {key: float(value) for key, value in found.items() if "/" not in key or key.startswith("iou/")}


def _importance(subject: Subject, quality: ImportanceQuality) -> dict[str, float]:
    found = {key: float(value) for key, value in quality.compute().items()}
    rows = [
        {"event": event, "score": score, "average_precision": found[f"{score}_ap_{event}"], "base_rate": found[f"base_rate_{event}"]}
        for event in ("errors", "boundaries")
        for score in ("importance", "uncertainty", "nearness")
    ]  # fmt: skip
    what = "Average precision against true errors and true borders; the base rate is what chance gives."
    subject.store.table(
        "importance", pd.DataFrame(rows), "Does the importance map point at what is hard?", what
    )
    coverage = [
        (ratio, found[f"coverage_{ratio:g}"], found[f"coverage_chance_{ratio:g}"]) for ratio in quality.ratios
    ]
    if coverage:
        frame = pd.DataFrame(coverage, columns=["ratio", "borders", "all_pixels"])
        subject.store.table(
            "coverage", frame, "Coverage of borders", "Share of border pixels, and of all, in selected cells."
        )
    subject.store.figure("importance", importance_figure(rows, coverage), "Importance map", what)
    return {key: value for key, value in found.items() if not np.isnan(value)}


def _seams(subject: Subject, kept: _Predictions, control: _Predictions | None) -> dict[str, float]:
    split = subject.data.split(subject.split)
    counts, others = [], []
    for place in range(len(split)):
        classes, masks = kept.load(place)
        if not masks:
            return {}  # windows have masks of their own, a picture has none
        target = torch.from_numpy(split.train_ids(place))
        valid = target != IGNORE
        bins = distance_bins(target[None])
        seams = seam_pixels(masks, target.shape)
        counts.append(seam_counts((classes != target)[None], seams, bins, valid[None])[0])
        if control is not None:
            other = control.load(place)[0]
            others.append(seam_counts((other != target)[None], seams, bins, valid[None])[0])
    found = {f"{subject.split}/seam_excess": float(seam_excess(torch.stack(counts).sum(0)))}
    held: dict[str, np.ndarray] = {"model": torch.stack(counts).numpy().astype(np.int32)}
    if others:
        both = torch.stack(others).sum(0)
        found[f"{subject.split}/seam_excess_over_control"] = float(
            seam_excess(torch.stack(counts).sum(0), both)
        )
        held["control"] = torch.stack(others).numpy().astype(np.int32)
    subject.store.array(
        "seams", "Errors on and off seams", "(pictures, distance bins, off and on, pixels and errors)", **held
    )
    frame = _seam_table(held)
    what = "Errors by distance to the true border, on and off the masks' borders (1 pixel on either side)."
    subject.store.table("seams", frame, "Do the masks leave seams?", what)
    subject.store.figure("seams", seam_figure(frame), "Do the masks leave seams?", what)
    return found


def _seam_table(held: dict[str, np.ndarray]) -> pd.DataFrame:
    names = [*(f"up to {limit} px" for limit in DISTANCES), f"beyond {DISTANCES[-1]} px"]
    rows = []
    for who, counts in held.items():
        for place, name in enumerate(names):
            for on in (0, 1):
                pixels, errors = counts.sum(0, dtype=np.int64)[place, on]
                rows.append({
                    "network": who, "distance": name, "seam": bool(on), "pixels": int(pixels),
                    "error_rate": errors / pixels if pixels else np.nan,
                })  # fmt: skip
    return pd.DataFrame(rows)


def _overlays(subject: Subject, frame: pd.DataFrame, kept: _Predictions, segment: Segmenter) -> None:
    """The figure ``overlays``: pictures evenly spread from the hardest to the easiest."""
    split = subject.data.split(subject.split)
    count = min(subject.settings["panels"], len(frame))
    shown = []
    for row in np.unique(np.linspace(0, len(frame) - 1, count).round().astype(int)):
        record = frame.iloc[row]
        place = int(record["index"])
        classes, masks = kept.load(place)
        item = subject.data.view_dataset(subject.split, None)[place]
        importance = segment(item["image"][None]).importance
        shown.append(
            Shown(
                name=str(record["name"]),
                score=float(record["miou"]) if "miou" in frame else None,
                image=np.asarray(split.image(place)),
                truth=None if split.labels is None else split.train_ids(place),
                prediction=classes.numpy(),
                importance=None if importance is None else importance[0, 0].float().sigmoid().cpu().numpy(),
                masks=np.stack([mask[0, 0].numpy() for mask in masks]).sum(0) if masks else None,
            )
        )
    subject.store.figure(
        "overlays", overlay_figure(shown, split.table, len(_ratios(subject))), "Pictures, hardest first",
        "Official colours. Errors: wrong pixels in orange; white pixels do not count. Masks: how many branches see a cell.",
    )  # fmt: skip


def _cost(subject: Subject) -> dict[str, float]:
    """Summary of parameters, multiply-adds, latency and memory at the size of a training crop, and the table ``cost``."""
    model = subject.runner.model
    cost, speed = model.cost(), model.speed()
    row = {
        "parameters": cost.parameters, "multiply_adds": cost.multiply_adds, "height": cost.size[0], "width": cost.size[1],
        "latency_ms": 1e3 * speed.seconds, "memory_mib": speed.peak_bytes / 2**20, "device": str(subject.runner.device),
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    what = f"One picture of {cost.size[0]} x {cost.size[1]} pixels, eval mode; latency is a median, of this machine as it was."
    subject.store.table("cost", pd.DataFrame([row]), "Cost of a forward pass", what)
    return {
        f"cost/{key}": float(row[key]) for key in ("parameters", "multiply_adds", "latency_ms", "memory_mib")
    }


class _Export:
    """LabelId pictures, named as the official evaluator and test server want them."""

    def __init__(self, subject: Subject, table: Any) -> None:
        if table.name != "Cityscapes":
            raise UserError(
                f"evaluation.export=cityscapes needs Cityscapes' labels; these data have those of {table.name}"
            )
        self.table = table
        what = "LabelId pictures at the size of the label files; the official evaluator and test server take them."
        self.folder = subject.store.folder("export", "Predictions", what)

    def write(self, name: str, classes: Tensor) -> None:
        pixels = self.table.label_ids(classes.cpu().numpy())
        Image.fromarray(pixels).save(self.folder / f"{name}.png", compress_level=3)
