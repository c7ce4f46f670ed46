"""Deletion curves of several runs: between arms, and between the rankings of an arm."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ersm_lab.evaluation.arms import Arms, column, interval_row
from ersm_lab.evaluation.classifiers.deletion.figures import deletion_figure
from ersm_lab.evaluation.classifiers.rankings import title_of
from ersm_lab.metrics.deletion import AREAS
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.statistics.intervals import paired_bootstrap

COMMON = ("magnitude", "grad_cam")  # what arms are compared by besides their papers' own rankings


def compare(arms: Arms, store: ArtifactStore) -> pd.DataFrame:
    """Differences of areas between arms, by their papers' own rankings and those that every model has.

    Writes the table ``ranking_differences`` (the same within an arm: the first of its rankings minus each other one) and, where
    every run has curves, the figures ``deletion_<arm>`` and ``deletion_arms``.
    """
    within = _ranking_differences(arms)
    if len(within):
        what = "`ranking` minus `against` within an arm; 95 % intervals."
        store.table("ranking_differences", within, "Rankings, paired", what)
    curves = arms.tables("deletion_curves")
    if len(curves) == len(arms.by_arm):
        _draw(arms, curves, store)
    measures = {
        f"deletion/{ranking}/{area}": column("deletion_images", "auc", ranking=ranking, order=order)
        for order, area in AREAS.items()
        for ranking in (*arms.own_rankings, *COMMON)
    }
    return arms.differences(measures)


def _ranking_differences(arms: Arms) -> pd.DataFrame:
    rows = []
    for arm, frames in arms.tables("deletion_images").items():
        found = [list(dict.fromkeys(frame["ranking"])) for frame in frames]
        first, *others = [name for name in found[0] if all(name in names for names in found)]
        for order, area in AREAS.items():
            lead = _areas(frames, first, order)
            for other in others:
                interval = interval_row(paired_bootstrap(lead, _areas(frames, other, order)))
                rows.append({"arm": arm, "measure": area, "ranking": first, "against": other, **interval})
    return pd.DataFrame(rows)


def _areas(frames: list[pd.DataFrame], ranking: str, order: str) -> NDArray[np.float64]:
    """``(seeds, images)``."""
    chosen = [frame[(frame["ranking"] == ranking) & (frame["order"] == order)] for frame in frames]
    return np.stack([frame.sort_values("index")["auc"].to_numpy() for frame in chosen])


def _draw(arms: Arms, curves: dict[str, list[pd.DataFrame]], store: ArtifactStore) -> None:
    for arm, frames in curves.items():
        of_rankings = {
            (title_of(name), order): [
                _curve(frame, name, order) for frame in frames if name in set(frame["ranking"])
            ]
            for name in dict.fromkeys(frames[0]["ranking"])
            for order in AREAS
        }
        figure = deletion_figure(of_rankings, title=f"{arm}, {arms.seeds_said}")
        what = "Bands: one standard deviation over seeds."
        store.figure(f"deletion_{arm}", figure, f"Deletion, {arm}", what)
    of_arms = {
        (arm.replace("_", " "), order): [_curve(frame, frame["ranking"].iloc[0], order) for frame in frames]
        for arm, frames in curves.items()
        for order in AREAS
    }
    figure = deletion_figure(of_arms, title=f"each arm by its own ranking, {arms.seeds_said}")
    store.figure(
        "deletion_arms", figure, "Deletion, all arms", "Ranked by the first ranking that an arm has."
    )


def _curve(frame: pd.DataFrame, ranking: str, order: str) -> NDArray[np.float64]:
    chosen = frame[(frame["ranking"] == ranking) & (frame["order"] == order)]
    return np.asarray(chosen.sort_values("k")["accuracy"])
