"""Several evaluated runs side by side: paired differences with intervals, overlaid curves, and galleries.

Runs of one variant with different seeds are one arm. Every difference is paired: the same images, the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ersm_lab.core.errors import UserError
from ersm_lab.evaluation.classifiers.deletion import ORDERS
from ersm_lab.evaluation.classifiers.figures import (
    deletion_figure,
    heat_map,
    histogram_figure,
    occlusion_figure,
)
from ersm_lab.evaluation.classifiers.gallery import draw_gallery
from ersm_lab.evaluation.classifiers.localisation import MEASURES
from ersm_lab.evaluation.segmenters.differences import draw_segmentation, segmentation_differences
from ersm_lab.statistics.intervals import paired_bootstrap

BASELINES, FAVOURITES = ("baseline", "fornet_k1"), ("recommended", "fornet")


@dataclass(frozen=True)
class Member:
    """One evaluated run: its arm, its seed, and its evaluation's folder (``record`` and ``artifacts``)."""

    arm: str
    seed: int
    evaluation: Any

    def table(self, name: str) -> pd.DataFrame | None:
        """One of its tables, or None when its suite wrote none of this name."""
        names = {entry.name for entry in self.evaluation.artifacts.entries()}
        return self.evaluation.artifacts.read_table(name) if name in names else None


class Arms:
    """Members by arm and seed, in the order given."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.by_arm: dict[str, dict[int, Member]] = {}
        for member in members:
            seeds = self.by_arm.setdefault(member.arm, {})
            if member.seed in seeds:
                raise UserError(
                    f"two runs of the arm '{member.arm}' with seed {member.seed}: give one, or name them apart with model.variant"
                )
            seeds[member.seed] = member

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Which arms are subtracted: the recommended one minus every other, and every other minus the baseline."""
        names = list(self.by_arm)
        first, second = lead(names)
        yield from ((first, name) for name in names if name != first)
        yield from ((name, second) for name in names if name not in (first, second))

    def values(
        self, arm: str, seeds: Sequence[int], read: Callable[[Member], pd.Series | None]
    ) -> np.ndarray | None:
        """``(seeds, images)`` of what ``read`` gives per image, or None when a run has none of it."""
        columns = [read(self.by_arm[arm][seed]) for seed in seeds]
        if any(column is None for column in columns):
            return None
        first = columns[0].index  # type: ignore[union-attr]
        if any(not column.index.equals(first) for column in columns):  # type: ignore[union-attr]
            raise UserError(f"the runs of '{arm}' were evaluated on different images")
        return np.stack([column.to_numpy(float) for column in columns])  # type: ignore[union-attr]


def lead(names: Sequence[str]) -> tuple[str, str]:
    """The arm that is compared with every other, and the one that every other is compared with."""
    first = next((name for name in FAVOURITES if name in names), names[-1])
    return first, next((name for name in BASELINES if name in names), names[0])


def compare(members: Sequence[Member], store: Any, data: Any, split: str) -> dict[str, Any]:
    """Writes tables and figures into ``store``; returns how many arms, seeds and differences there are.

    Tables: ``means`` (arm, metric, mean, std, n seeds), ``differences`` (arm, against, measure, estimate, interval, method, n
    of images and of seeds), ``ranking_differences`` (the same between rankings within an arm). Figures: deletion and
    occlusion curves with bands over seeds, occlusion heat map, mask histogram, galleries, failures: those for which the
    suites have written the numbers.
    """
    arms = Arms(members)
    store.table("means", _means(arms), "Means over seeds", "Sample standard deviation over seeds.")
    differences = _differences(arms)
    table = getattr(data, "table", None)  # labels per pixel
    if table is not None:
        differences = pd.concat([differences, segmentation_differences(arms, table)], ignore_index=True)
    store.table(
        "differences", differences, "Paired differences", "Row `arm` minus row `against`; 95 % intervals."
    )
    within = _ranking_differences(arms)
    if len(within):
        store.table(
            "ranking_differences", within, "Rankings, paired", "`ranking` minus `against` within an arm; 95 % intervals."
        )  # fmt: skip
    _figures(arms, store)
    if table is not None:
        draw_segmentation(arms.by_arm, store)
    draw_gallery(arms.by_arm, store, data, split, lead(list(arms.by_arm)))
    return {
        "arms": len(arms.by_arm),
        "seeds": max(len(seeds) for seeds in arms.by_arm.values()),
        "differences": len(differences) + len(within),
    }


def _means(arms: Arms) -> pd.DataFrame:
    rows = [
        {"arm": arm, "seed": seed, "metric": metric, "value": value}
        for arm, seeds in arms.by_arm.items()
        for seed, member in seeds.items()
        for metric, value in member.evaluation.record.summary.items()
        if isinstance(value, (int, float))
    ]
    grouped = pd.DataFrame(rows, columns=["arm", "seed", "metric", "value"]).groupby(
        ["metric", "arm"], sort=False
    )
    found = grouped["value"].agg(mean="mean", std="std", n_seeds="count").reset_index()
    return found


def _differences(arms: Arms) -> pd.DataFrame:
    readers = dict(_measures(arms))
    rows = []
    for arm, against in arms.pairs():
        seeds = sorted(set(arms.by_arm[arm]) & set(arms.by_arm[against]))
        for measure, read in readers.items() if seeds else ():
            first, second = (arms.values(name, seeds, read) for name in (arm, against))
            if first is not None and second is not None and first.shape == second.shape:
                rows.append({"arm": arm, "against": against, "measure": measure, **_interval(first, second)})
    return pd.DataFrame(rows)


def _ranking_differences(arms: Arms) -> pd.DataFrame:
    """Within each arm: the first of its rankings (energy where it has one) minus each other one."""
    rows = []
    for arm, seeds in arms.by_arm.items():
        frames = {seed: member.table("deletion_images") for seed, member in seeds.items()}
        if any(frame is None for frame in frames.values()):
            continue
        first, *others = [
            list(dict.fromkeys(frame["ranking"])) for frame in frames.values() if frame is not None
        ]
        names = [name for name in first if all(name in other for other in others)]
        for order, area in ORDERS.items():
            values = {
                name: np.stack([
                    frame[(frame["ranking"] == name) & (frame["order"] == order)].sort_values("index")["auc"].to_numpy()
                    for frame in frames.values() if frame is not None
                ])
                for name in names
            }  # fmt: skip
            lead = names[0]
            rows += [
                {
                    "arm": arm,
                    "measure": area,
                    "ranking": lead,
                    "against": name,
                    **_interval(values[lead], values[name]),
                }
                for name in names[1:]
            ]
    return pd.DataFrame(rows)


def _interval(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    interval = paired_bootstrap(first, second)
    return {
        "estimate": interval.estimate, "low": interval.low, "high": interval.high, "excludes_zero": interval.excludes_zero,
        "method": interval.method, "n_images": interval.n_images, "n_seeds": interval.n_seeds,
    }  # fmt: skip


def _measures(arms: Arms) -> Iterator[tuple[str, Callable[[Member], pd.Series | None]]]:
    """Every per-image measure that the members' tables may hold, with how to read it."""
    yield "accuracy", _column("predictions", "correct")
    for name in ("effective_share", "mask_auroc", "pointing_game"):
        yield name, _column("predictions", name)
    for order, area in ORDERS.items():
        for ranking in ("energy", "magnitude", "grad_cam"):
            yield (
                f"deletion/{ranking}/{area}",
                _column("deletion_images", "auc", ranking=ranking, order=order),
            )
    for measure in MEASURES:
        yield f"localisation/energy/{measure}", _column("localisation_images", measure, ranking="energy")
    for shape in ("all", *_shapes(arms)):
        yield f"occlusion/{shape}", _column("occlusion_images", "accuracy", shape=shape)


def _shapes(arms: Arms) -> list[str]:
    for seeds in arms.by_arm.values():
        for member in seeds.values():
            frame = member.table("occlusion_images")
            return [] if frame is None else [name for name in dict.fromkeys(frame["shape"]) if name != "all"]
    return []


def _column(table: str, name: str, **where: str) -> Callable[[Member], pd.Series | None]:
    def read(member: Member) -> pd.Series | None:
        frame = member.table(table)
        if frame is None or name not in frame:
            return None
        for key, value in where.items():
            frame = frame[frame[key] == value]
        return frame.set_index("index")[name].sort_index() if len(frame) else None

    return read


def _figures(arms: Arms, store: Any) -> None:
    seeds = {arm: list(found.values()) for arm, found in arms.by_arm.items()}
    count = "n = " + ", ".join(sorted({str(len(found)) for found in seeds.values()})) + " seeds"
    deletion = {arm: [member.table("deletion_curves") for member in found] for arm, found in seeds.items()}
    if all(frame is not None for frames in deletion.values() for frame in frames):
        for arm, frames in deletion.items():
            curves = {
                (name, order): [
                    _curve(frame, name, order)
                    for frame in frames
                    if frame is not None and name in set(frame["ranking"])
                ]
                for name in dict.fromkeys(frames[0]["ranking"])  # type: ignore[index]
                for order in ORDERS
            }
            store.figure(
                f"deletion_{arm}", deletion_figure(curves, title=f"{arm}, {count}"), f"Deletion, {arm}",
                "Bands: one standard deviation over seeds.",
            )  # fmt: skip
        lead = {
            (arm, order): [_curve(frame, frame["ranking"].iloc[0], order) for frame in frames]  # type: ignore[index]
            for arm, frames in deletion.items()
            for order in ORDERS
        }
        store.figure(
            "deletion_arms", deletion_figure(lead, title=f"each arm by its own ranking, {count}"), "Deletion, all arms",
            "Ranked by energy, or by magnitude where an arm has no mask.",
        )  # fmt: skip
    occlusion = {arm: [member.table("occlusion") for member in found] for arm, found in seeds.items()}
    if all(frame is not None for frames in occlusion.values() for frame in frames):
        _occlusion_figures(occlusion, store, count)
    histograms = {arm: [member.table("mask_histogram") for member in found] for arm, found in seeds.items()}
    shares = {
        arm: np.mean([frame["share"].to_numpy() for frame in frames if frame is not None], axis=0)
        for arm, frames in histograms.items()
        if frames and all(frame is not None for frame in frames)
    }
    if shares:
        first = next(frames[0] for arm, frames in histograms.items() if arm in shares)
        edges = np.append(first["low"].to_numpy(), first["high"].iloc[-1])  # type: ignore[index]
        store.figure(
            "mask_histogram", histogram_figure(edges, shares, "keep probability over its image's maximum"),
            "Histogram of masks", "Scaled by each image's largest value: under masked-mean pooling the scale is free.",
        )  # fmt: skip


def _curve(frame: Any, ranking: str, order: str) -> np.ndarray:
    chosen = frame[(frame["ranking"] == ranking) & (frame["order"] == order)]
    return np.asarray(chosen.sort_values("k")["accuracy"])


def _occlusion_figures(frames: dict[str, list[Any]], store: Any, count: str) -> None:
    first = next(iter(frames.values()))[0]
    fill = first["fill"].iloc[0]
    areas = sorted(first["area"].unique())
    curves: dict[str, dict[str, list[np.ndarray]]] = {}
    for arm, found in frames.items():
        for shape in dict.fromkeys(first["shape"]):
            for frame in found:
                cells = frame[(frame["shape"] == shape) & (frame["fill"] == fill)].set_index("area")[
                    "accuracy"
                ]
                curves.setdefault(shape, {}).setdefault(arm, []).append(cells.reindex(areas).to_numpy(float))
    store.figure(
        "occlusion_arms", occlusion_figure(curves, areas, title=f"structured occlusion, fill: {fill}, {count}"),
        "Structured occlusion", "The same pixels are covered for every arm and seed. Bands: one standard deviation over seeds.",
    )  # fmt: skip
    arms = list(frames)
    table = np.array([
        [100 * np.nanmean([values[i] for shape in curves for values in curves[shape][arm]]) for i in range(len(areas))]
        for arm in arms
    ])  # fmt: skip
    store.figure(
        "occlusion_heat_map", heat_map(table, arms, [f"{100 * area:.0f}" for area in areas], "accuracy, %"),
        "Accuracy by area occluded", "Mean over shapes and seeds.",
    )  # fmt: skip
