"""Several evaluated runs side by side: means over seeds, paired differences with intervals, and what their suite draws."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ersm_lab.core.protocols import Summary
from ersm_lab.evaluation.arms import Arms, Member
from ersm_lab.evaluation.runner import ModelT
from ersm_lab.evaluation.subject import DataT, SettingsT
from ersm_lab.evaluation.suite import Suite
from ersm_lab.runs.artifacts import ArtifactStore


def compare(
    suite: Suite[SettingsT, ModelT, DataT],
    members: Sequence[Member],
    store: ArtifactStore,
    data: DataT,
    split: str,
) -> Summary:
    """Writes tables and figures into ``store``; returns how many arms, seeds and differences there are.

    Tables: ``means`` (arm, metric, mean, std, n_seeds) and ``differences`` (arm, against, measure, estimate, low, high,
    excludes_zero, method, n_images, n_seeds), whose rows are the suite's, as are all further tables and the figures.
    """
    arms = Arms(members)
    store.table("means", _means(arms), "Means over seeds", "Sample standard deviation over seeds.")
    differences = _by_pair(suite.compare(arms, store, data, split), arms)
    what = "Row `arm` minus row `against`; 95 % intervals."
    store.table("differences", differences, "Paired differences", what)
    tables = [entry.name for entry in store.entries() if entry.kind == "table"]
    return {
        "arms": len(arms.by_arm),
        "seeds": max(len(seeds) for seeds in arms.by_arm.values()),
        "differences": sum(len(store.read_table(name)) for name in tables if name.endswith("differences")),
    }


def _means(arms: Arms) -> pd.DataFrame:
    rows = [
        {"arm": arm, "seed": seed, "metric": metric, "value": value}
        for arm, seeds in arms.by_arm.items()
        for seed, member in seeds.items()
        for metric, value in member.evaluation.record.summary.items()
        if isinstance(value, (int, float))
    ]
    frame = pd.DataFrame(rows, columns=["arm", "seed", "metric", "value"])
    grouped = frame.groupby(["metric", "arm"], sort=False)["value"]
    return grouped.agg(mean="mean", std="std", n_seeds="count").reset_index()


def _by_pair(differences: pd.DataFrame, arms: Arms) -> pd.DataFrame:
    """Rows of one pair of arms side by side, in the order of ``Arms.pairs``; what is no pair of arms comes last."""
    if differences.empty:
        return differences
    order = {pair: place for place, pair in enumerate(arms.pairs())}
    pairs = zip(differences["arm"], differences["against"], strict=True)
    places = pd.Series([order.get(pair, len(order)) for pair in pairs], index=differences.index)
    return differences.loc[places.sort_values(kind="stable").index].reset_index(drop=True)
