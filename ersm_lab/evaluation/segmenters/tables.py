"""The tables of one segmentation network, with the figure of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from ersm_lab.core.protocols import SegmentationModel
from ersm_lab.evaluation.runner import Runner
from ersm_lab.evaluation.segmenters.figures import border_figure, class_figure, importance_figure
from ersm_lab.metrics.cityscapes_scores import CityscapesScores
from ersm_lab.metrics.importance import EVENTS, SCORES, ImportanceQuality
from ersm_lab.metrics.street_scores import class_table
from ersm_lab.nn.cost import network_cost, network_speed
from ersm_lab.runs.artifacts import ArtifactStore


def write_scores(store: ArtifactStore, scores: CityscapesScores) -> dict[str, float]:
    """The table and figure ``classes``, the arrays ``counts``, the figure ``borders``; returns all means and each class' IoU."""
    found = scores.compute()
    frame = pd.DataFrame(class_table(found, scores.table))
    what = "In [0, 1], higher is better; nan: neither in truth nor predicted."
    store.table("classes", frame, "Scores by class", what)
    what = "Per picture in the split's order: pixels by true and predicted labelId, and bands."
    counts = {name: values.numpy().astype(np.int32) for name, values in scores.samples().items()}
    store.array("counts", "What scores are sums of", what, **counts)
    store.figure("classes", class_figure(frame), "Scores by class", "Thin structures are hatched.")
    if scores.boundaries:
        trimap = [(width, float(found[f"trimap_iou_{width}px"])) for width in scores.trimap_widths]
        boundary = [(ratio, float(found[f"boundary_f_{ratio:g}"])) for ratio in scores.f_ratios]
        what = "Trimap: class IoU of pixels near a true border. Boundary F: widths are shares of the picture's diagonal."
        figure = border_figure(trimap, boundary, float(found["miou"]))
        store.figure("borders", figure, "Scores of borders", what)
    # scores per class are in the table; a dashboard wants the means, and the IoU of each class
    return {key: float(value) for key, value in found.items() if "/" not in key or key.startswith("iou/")}


class Detection(NamedTuple):
    """How well a score finds an event: one row of the table ``importance``."""

    event: str
    score: str
    average_precision: float
    base_rate: float


def write_importance(store: ArtifactStore, quality: ImportanceQuality) -> dict[str, float]:
    """The table and figure ``importance`` and, with masks, the table ``coverage``; returns what ``quality`` could compute."""
    found = {key: float(value) for key, value in quality.compute().items()}
    rows = [
        Detection(event, score, found[f"{score}_ap_{event}"], found[f"base_rate_{event}"])
        for event in EVENTS
        for score in SCORES
    ]
    frame = pd.DataFrame(rows)
    what = "Average precision against true errors and true borders; the base rate is what chance gives."
    store.table("importance", frame, "Does the importance map point at what is hard?", what)
    shares = [
        (ratio, found[f"coverage_{ratio:g}"], found[f"coverage_chance_{ratio:g}"]) for ratio in quality.ratios
    ]
    coverage = pd.DataFrame(shares, columns=["ratio", "borders", "all_pixels"])
    if len(coverage):
        share = "Share of border pixels, and of all, in selected cells."
        store.table("coverage", coverage, "Coverage of borders", share)
    store.figure("importance", importance_figure(frame, coverage), "Importance map", what)
    return {key: value for key, value in found.items() if not np.isnan(value)}


def write_pictures(store: ArtifactStore, frame: pd.DataFrame, split: str) -> None:
    """The table ``images``."""
    what = (
        f"One row per picture of {split}, hardest first (IoU of the classes that truth or prediction holds)."
    )
    store.table("images", frame, "Pictures by difficulty", what)


def write_cost(store: ArtifactStore, runner: Runner[SegmentationModel]) -> dict[str, float]:
    """The table ``cost`` at the size of a training crop; returns ``cost/parameters`` and so on."""
    network, size = runner.model.network, runner.model.image_size
    images = torch.zeros(1, 3, *size, device=runner.device, dtype=runner.dtype)
    cost, speed = network_cost(network, size), network_speed(network, images)
    numbers: dict[str, float] = {
        "parameters": cost.parameters,
        "multiply_adds": cost.multiply_adds,
        "latency_ms": 1e3 * speed.seconds,
        "memory_mib": speed.peak_bytes / 2**20,
    }
    row = {
        **numbers,
        "height": size[0],
        "width": size[1],
        "device": str(runner.device),
        "threads": torch.get_num_threads(),
    }
    columns = [
        "parameters",
        "multiply_adds",
        "height",
        "width",
        "latency_ms",
        "memory_mib",
        "device",
        "threads",
    ]
    what = f"One picture of {size[0]} x {size[1]} pixels, eval mode; latency is a median, of this machine as it was."
    store.table("cost", pd.DataFrame([row], columns=columns), "Cost of a forward pass", what)
    return {f"cost/{name}": float(value) for name, value in numbers.items()}
