"""Pixel-level deletion and insertion of a trained classifier, by one of its token rankings."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from ersm_lab.core.errors import UserError
from ersm_lab.evaluation.classifiers.rankings import importances
from ersm_lab.evaluation.subject import Subject
from ersm_lab.metrics.curves import trapezoid_auc
from ersm_lab.metrics.pixel_deletion import pixel_curve
from ersm_lab.vision.figures import COLUMN_INCHES, PALETTE, figure_style


def pixel_deletion(subject: Subject) -> dict[str, Any]:
    """Writes the table ``pixel_curves`` (mode, fill, share, accuracy, probability) and a figure of it.

    Returns ``<split>/deletion/pixel_<mode>_<fill>_auc``: the area under the label's probability; deletion: lower is better,
    insertion: higher is better. A pixel has the importance of its token.
    """
    settings, runner = subject.settings["pixel_deletion"], subject.runner
    dataset = subject.data.view_dataset(subject.split, None)
    chosen = np.unique(
        np.linspace(0, len(dataset) - 1, min(settings["images"], len(dataset))).round().astype(int)
    )
    sums: dict[tuple[str, str], list[tuple[torch.Tensor, torch.Tensor]]] = {}
    for part in np.array_split(chosen, -(-len(chosen) // 64)):
        items = [dataset[int(i)] for i in part]
        batch = {
            key: torch.stack([torch.as_tensor(item[key]) for item in items])
            for key in ("image", "label", "index")
        }
        scene = subject.scene(batch)
        found = importances([settings["ranking"]], scene)
        if not found:
            raise UserError(
                f"evaluation.pixel_deletion.ranking={settings['ranking']}: this model has no such ranking; grad_cam always works"
            )
        images = runner.move(batch)["image"]
        rows = torch.arange(images.shape[2], device=images.device) * scene.grid[0] // images.shape[2]
        columns = torch.arange(images.shape[3], device=images.device) * scene.grid[1] // images.shape[3]
        grid = next(iter(found.values())).view(-1, *scene.grid)
        for fill in settings["fills"]:
            for mode in ("deletion", "insertion"):
                correct, probability = pixel_curve(
                    lambda pictures: runner({"image": pictures, "label": pictures.new_zeros(len(pictures)).long()}).logits,
                    images, grid[:, rows][:, :, columns], batch["label"].to(images.device), mode, fill,
                    settings["steps"], index=batch["index"],
                )  # fmt: skip
                sums.setdefault((mode, fill), []).append((correct.double().cpu(), probability.cpu()))
    frames, summary = [], {}
    for (mode, fill), parts in sums.items():
        accuracy, probability = (torch.cat(values).mean(0) for values in zip(*parts, strict=True))
        share = np.linspace(0, 1, settings["steps"] + 1)
        columns_of = {"share": share, "accuracy": accuracy.numpy(), "probability": probability.numpy()}
        frames.append(pd.DataFrame({"mode": mode, "fill": fill, **columns_of}))
        summary[f"{subject.split}/deletion/pixel_{mode}_{fill}_auc"] = float(trapezoid_auc(probability))
    frame = pd.concat(frames, ignore_index=True)
    what = f"Ranked by {settings['ranking']}, {len(chosen)} images of the {subject.split} split."
    subject.store.table("pixel_curves", frame, "Deletion and insertion of pixels", what)
    subject.store.figure("pixel_curves", _figure(frame), "Deletion and insertion of pixels", what)
    return summary


def _figure(frame: pd.DataFrame) -> Any:
    with figure_style():
        figure, axis = plt.subplots(figsize=(COLUMN_INCHES, 2.4))
        for place, fill in enumerate(dict.fromkeys(frame["fill"])):
            for mode, style in (("deletion", "-"), ("insertion", "--")):
                part = frame[(frame["mode"] == mode) & (frame["fill"] == fill)]
                axis.plot(
                    100 * part["share"],
                    part["probability"],
                    style,
                    color=PALETTE[place],
                    label=f"{mode}, {fill}",
                )
        axis.set_xlabel("pixels changed, %")
        axis.set_ylabel("probability of the label")
        axis.set_ylim(0, 1)
        axis.legend(frameon=False)
    return figure
