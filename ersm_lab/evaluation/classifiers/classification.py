"""Accuracy of a classifier; how sparse its mask is; and, where the data have object masks, whether it finds the object."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from ersm_lab.evaluation.classifiers.figures import histogram_figure
from ersm_lab.evaluation.classifiers.panels import draw_panels
from ersm_lab.evaluation.subject import Subject, each
from ersm_lab.metrics.localisation import energy_inside, mask_auroc, pointing_game
from ersm_lab.metrics.sparsity import effective_share, mask_entropy, mean_keep, share_above


@each
def evaluate(subject: Subject) -> dict[str, Any]:
    """Writes the tables ``predictions`` (one row per image) and ``mask_histogram``, the array ``masks``, the figure ``panels``.

    Returns means over the split, as ``<split>/<metric>``: ``accuracy``, ``cross_entropy``; with a mask ``effective_share``,
    ``mask_entropy`` (over log N), and, only where the mask's scale means something (the plain mean), ``mean_keep`` and
    ``share_above_half``; with object masks ``mask_auroc``, ``pointing_game`` and
    ``energy_inside``.
    """
    runner, split = subject.runner, subject.data.split(subject.split)
    columns: dict[str, list[Tensor]] = {}
    keeps: list[Tensor] = []
    for batch in subject.batches:
        output = runner(batch)
        for name, value in _per_image(output, batch, runner.model).items():
            columns.setdefault(name, []).append(value.cpu())
        if output.mask is not None:
            keeps.append(output.mask.keep_prob.float().cpu())
    frame = pd.DataFrame({name: torch.cat(values).numpy() for name, values in columns.items()})
    frame.insert(1, "name", [split.name(int(index)) for index in frame["index"]])
    what = f"One row per image of the {subject.split} split ({len(frame)} images)."
    subject.store.table("predictions", frame, "Predictions", what)
    keep = torch.cat(keeps).numpy() if keeps else None
    if keep is not None:
        grid = runner.model.grid_size
        subject.store.array(
            "masks", "Keep probabilities", f"keep_prob (n, N), tokens of a {grid[0]}x{grid[1]} grid in raster order.",
            keep_prob=keep.astype(np.float16), grid=np.array(grid), index=frame["index"].to_numpy(),
        )  # fmt: skip
        _histogram(subject, keep)
    if subject.settings["panels"]:
        draw_panels(subject, frame, keep)
    measured = frame.drop(columns=["index", "name", "label", "predicted", "confidence"]).rename(
        columns={"correct": "accuracy"}
    )
    summary: dict[str, Any] = {
        f"{subject.split}/{name}": float(value) for name, value in measured.mean().items()
    }
    return {**summary, f"{subject.split}/images": len(frame)}


def _per_image(output: Any, batch: dict[str, Tensor], model: Any) -> dict[str, Tensor]:
    """Columns of the table for one batch, each ``(B,)``."""
    logits, label = output.logits.double().cpu(), batch["label"].cpu()
    confidence, predicted = logits.softmax(1).max(1)
    columns = {
        "index": batch["index"],
        "label": label,
        "predicted": predicted,
        "confidence": confidence,
        "correct": (predicted == label).double(),
        "cross_entropy": F.cross_entropy(logits, label, reduction="none"),
    }
    if output.mask is None:
        return columns
    keep = output.mask.keep_prob.float().cpu()
    columns |= {"effective_share": effective_share(keep), "mask_entropy": mask_entropy(keep, normalized=True)}
    if model.pool == "mean":
        columns |= {"mean_keep": mean_keep(keep), "share_above_half": share_above(keep)}
    if "mask" in batch:
        mask = batch["mask"].cpu()
        columns["mask_auroc"] = mask_auroc(keep, mask, model.grid_size)
        columns["pointing_game"] = pointing_game(keep, mask, model.grid_size)
        columns["energy_inside"] = energy_inside(keep, mask, model.grid_size)
    return columns


def _histogram(subject: Subject, keep: np.ndarray) -> None:
    """The table and the figure ``mask_histogram``: as they are, and scaled by each image's largest value."""
    edges = np.linspace(0, 1, 21)
    scaled = keep / np.maximum(keep.max(1, keepdims=True), np.finfo(np.float32).tiny)
    share, share_raw = (np.histogram(values, edges)[0] / values.size for values in (scaled, keep))
    frame = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "share": share, "share_raw": share_raw})
    what = "Share of tokens per bin; `share` scales each mask by its largest value, `share_raw` does not."
    subject.store.table("mask_histogram", frame, "Histogram of masks", what)
    arms = {"scaled by the image's maximum": share, "as it is": share_raw}
    subject.store.figure(
        "mask_histogram", histogram_figure(edges, arms, "keep probability"), "Histogram of masks", what
    )
