"""Segmentation networks side by side: differences of scores of the whole set, paired by image and seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ersm_lab.core.errors import UserError
from ersm_lab.evaluation.arms import Arms, Member, interval_row
from ersm_lab.evaluation.segmenters.figures import arms_figure
from ersm_lab.evaluation.segmenters.sums import Counts, scores_of_sums
from ersm_lab.metrics.seams import seam_excess
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.statistics import paired_bootstrap_of_sums
from ersm_lab.vision.labels import LabelTable


def differences(arms: Arms, table: LabelTable) -> pd.DataFrame:
    """Rows ``arm`` minus ``against`` for mIoU, Boundary IoU and both over thin structures; and, where the control was evaluated
    too, the excess of errors at seams. Empty when the members have no counts."""
    return pd.DataFrame([*_between_arms(arms, table), *_at_seams(arms)])


def _between_arms(arms: Arms, table: LabelTable) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    scores = scores_of_sums(table)
    for arm, against in arms.pairs():
        seeds = arms.common_seeds(arm, against)
        sides = [_stacked([arms.by_arm[name][seed] for seed in seeds], "counts") for name in (arm, against)]
        for measure, (name, statistic) in scores.items():
            first, second = (None if side is None else side.get(name) for side in sides)
            if first is None or second is None:
                continue
            if first.shape != second.shape:
                raise UserError(f"the runs of '{arm}' and '{against}' were evaluated on different images")
            if first.any() and second.any():
                interval = paired_bootstrap_of_sums(first, second, statistic)
                names = {"arm": arm, "against": against, "measure": measure}
                rows.append({**names, **interval_row(interval)})
    return rows


def _at_seams(arms: Arms) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for arm, members in arms.by_arm.items():
        held = _stacked(list(members.values()), "seams")
        if held is not None and "control" in held:
            interval = paired_bootstrap_of_sums(held["model"], held["control"], _excess)
            names = {"arm": arm, "against": "control, same pixels", "measure": "seam_excess"}
            rows.append({**names, **interval_row(interval)})
    return rows


def _excess(sums: Counts) -> Counts:
    found: Counts = seam_excess(torch.from_numpy(sums)).numpy()
    return found


def _stacked(members: list[Member], name: str) -> dict[str, NDArray[np.generic]] | None:
    """The arrays of an artifact that all members have, ``(seeds, ...)``; None where one lacks the artifact, or nobody is there."""
    held = [found for member in members if (found := member.arrays(name)) is not None]
    if not held or len(held) < len(members):
        return None
    names = [key for key in held[0] if all(key in arrays for arrays in held)]
    if any(arrays[key].shape != held[0][key].shape for arrays in held for key in names):
        raise UserError(f"the runs of '{members[0].arm}' were evaluated on different images")
    return {key: np.stack([arrays[key] for arrays in held]) for key in names}


def draw_arms(arms: Arms, store: ArtifactStore) -> None:
    """The figure ``classes_arms``: IoU by class, a bar per arm, mean and standard deviation over seeds."""
    frames = arms.tables("classes")
    if len(frames) == len(arms.by_arm) and all(
        "thin" in frame for found in frames.values() for frame in found
    ):
        what = "Means over seeds; whiskers: one standard deviation."
        store.figure("classes_arms", arms_figure(frames), "IoU by class", what)
