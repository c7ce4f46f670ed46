"""Segmentation networks side by side: differences of scores of the whole set, paired by image and seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from ersm_lab.core.errors import UserError
from ersm_lab.evaluation.segmenters.figures import arms_figure
from ersm_lab.evaluation.segmenters.sums import Counts, scores_of_sums
from ersm_lab.metrics.seams import seam_excess
from ersm_lab.statistics.intervals import Interval, paired_bootstrap_of_sums
from ersm_lab.vision.labels import LabelTable


def segmentation_differences(arms: Any, table: LabelTable) -> pd.DataFrame:
    """Rows ``arm`` minus ``against`` for mIoU, Boundary IoU and both over thin structures; and, where the control was evaluated
    too, the excess of errors at seams. Empty when the members have no counts."""
    rows: list[dict[str, Any]] = []
    found = scores_of_sums(table)
    for arm, against in arms.pairs():
        seeds = sorted(set(arms.by_arm[arm]) & set(arms.by_arm[against]))
        found_in = [[_arrays(arms.by_arm[name][seed], "counts") for seed in seeds] for name in (arm, against)]
        pair = [[arrays for arrays in side if arrays is not None] for side in found_in]
        if not seeds or any(len(side) < len(seeds) for side in pair):
            continue
        for measure, (name, statistic) in found.items():
            first, second = (np.stack([arrays[name] for arrays in side]) for side in pair)
            if first.shape != second.shape:
                raise UserError(f"the runs of '{arm}' and '{against}' were evaluated on different images")
            if first.any() and second.any():
                interval = paired_bootstrap_of_sums(first, second, statistic)
                rows.append({"arm": arm, "against": against, "measure": measure, **_columns(interval)})
    for arm, members in arms.by_arm.items():
        seams = [_arrays(member, "seams") for member in members.values()]
        held = [arrays for arrays in seams if arrays is not None and "control" in arrays]
        if held and len(held) == len(seams):
            first, second = (np.stack([arrays[name] for arrays in held]) for name in ("model", "control"))
            interval = paired_bootstrap_of_sums(first, second, _excess)
            rows.append(
                {
                    "arm": arm,
                    "against": "control, same pixels",
                    "measure": "seam_excess",
                    **_columns(interval),
                }
            )
    return pd.DataFrame(rows)


def _excess(sums: Counts) -> Counts:
    found: Counts = seam_excess(torch.from_numpy(sums)).numpy()
    return found


def _columns(interval: Interval) -> dict[str, Any]:
    return {
        "estimate": interval.estimate, "low": interval.low, "high": interval.high, "excludes_zero": interval.excludes_zero,
        "method": interval.method, "n_images": interval.n_images, "n_seeds": interval.n_seeds,
    }  # fmt: skip


def _arrays(member: Any, name: str) -> dict[str, Counts] | None:
    store = member.evaluation.artifacts
    if name not in {entry.name for entry in store.entries()}:
        return None
    with np.load(store.path / f"{name}.npz") as held:
        return {key: held[key] for key in held.files}


def draw_segmentation(by_arm: Mapping[str, Mapping[int, Any]], store: Any) -> None:
    """The figure ``classes_arms``: IoU by class, a bar per arm, mean and standard deviation over seeds."""
    frames = {
        arm: [member.table("classes") for member in members.values()] for arm, members in by_arm.items()
    }
    if all(frame is not None and "thin" in frame for found in frames.values() for frame in found):
        store.figure(
            "classes_arms", arms_figure(frames), "IoU by class", "Means over seeds; whiskers: one standard deviation."
        )  # fmt: skip
