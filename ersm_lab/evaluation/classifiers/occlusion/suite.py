"""Accuracy under structured occlusion: the same pixels are covered for every model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from ersm_lab.core.protocols import LabelledImages, Summary
from ersm_lab.evaluation.arms import Arms, column
from ersm_lab.evaluation.classifiers.models import ClassifierSubject, ClassifierSuite
from ersm_lab.evaluation.classifiers.occlusion.figures import heat_map, occlusion_figure
from ersm_lab.evaluation.classifiers.occlusion.sweep import sharing, sweep
from ersm_lab.metrics.occlusion import Condition, OcclusionAccuracy
from ersm_lab.runs.artifacts import ArtifactStore


class Occlusion(ClassifierSuite):
    """Accuracy by shape, area and fill of what is covered."""

    def evaluate(self, subjects: Sequence[ClassifierSubject]) -> list[Summary]:
        """Writes the tables ``occlusion`` (condition) and ``occlusion_images`` (image, shape), curves and a heat map, per model.

        Returns, as ``<split>/occlusion/<name>``: ``mean`` over the conditions with an area above 0, and per shape (first fill) and per
        fill (square) the area under accuracy over area, ``<shape>/<fill>``.
        """
        summaries: list[Summary] = [{} for _ in subjects]
        for group in sharing(subjects):
            for place, metric in zip(group, sweep([subjects[place] for place in group]), strict=True):
                summaries[place] = _write(subjects[place], metric)
        return summaries

    def compare(self, arms: Arms, store: ArtifactStore, data: LabelledImages, split: str) -> pd.DataFrame:
        """Differences by shape; where every run was measured, the figures ``occlusion_arms`` and ``occlusion_heat_map``."""
        tables = arms.tables("occlusion")
        if len(tables) == len(arms.by_arm):
            _draw_arms(arms, tables, store)
        images = next(iter(arms.tables("occlusion_images").values()), [])
        shapes = dict.fromkeys(["all", *(images[0]["shape"] if images else ())])
        return arms.differences(
            {f"occlusion/{shape}": column("occlusion_images", "accuracy", shape=shape) for shape in shapes}
        )


def _write(subject: ClassifierSubject, metric: OcclusionAccuracy) -> Summary:
    store, computed = subject.store, metric.compute()
    frame = pd.DataFrame(metric.conditions)
    frame["accuracy"] = computed["accuracy"].numpy()
    frame["images"] = metric.count.long().numpy()
    what = f"occluders drawn with seed {subject.settings.occlusion.seed}."
    what = f"Accuracy per condition, {subject.split} split, {what}"
    store.table("occlusion", frame, "Structured occlusion", what)
    what = "Mean over the areas above 0 with the first fill; `all` is the mean over every such condition."
    images = _per_image(*metric.samples(), metric.conditions)
    store.table("occlusion_images", images, "Structured occlusion, per image", what)
    _draw(frame, store)
    found = {"mean": float(computed["mean"])}
    found |= {f"{shape}/{fill}": float(value) for (shape, fill), value in computed["curves"].items()}
    return {f"{subject.split}/occlusion/{name}": value for name, value in found.items()}


def _per_image(index: Tensor, right: Tensor, conditions: Sequence[Condition]) -> pd.DataFrame:
    """Rows (index, shape, accuracy); ``right (n, conditions)``."""
    first = conditions[0].fill
    covered = [place for place, condition in enumerate(conditions) if condition.area > 0]
    wanted = {"all": covered}
    for shape in dict.fromkeys(condition.shape for condition in conditions):
        wanted[shape] = [p for p in covered if conditions[p].shape == shape and conditions[p].fill == first]
    frames = [
        pd.DataFrame(
            {"index": index.numpy(), "shape": shape, "accuracy": right[:, places].nanmean(1).numpy()}
        )
        for shape, places in wanted.items()
        if places
    ]
    return pd.concat(frames, ignore_index=True)


def _draw(frame: pd.DataFrame, store: ArtifactStore) -> None:
    first, square = frame["fill"].iloc[0], frame["shape"].iloc[-1]
    main = frame[frame["fill"] == first]
    areas = sorted(main["area"].unique())
    curves = {
        shape: part.sort_values("area")["accuracy"].to_numpy()
        for shape, part in main.groupby("shape", sort=False)
    }
    figure = occlusion_figure(
        {str(shape): {"accuracy": [values]} for shape, values in curves.items()},
        areas,
        title=f"structured occlusion, fill: {first}",
    )
    what = (
        "Targeted shapes cover a share of the object or of the background, all others a share of the image."
    )
    store.figure("occlusion", figure, "Structured occlusion", what)
    others = frame[(frame["shape"] == square) & (frame["fill"] != first)]
    rows = {str(shape).replace("_", " "): values for shape, values in curves.items()}
    for fill, part in others.groupby("fill", sort=False):
        rows[f"{square}, {fill}"] = part.sort_values("area")["accuracy"].to_numpy()
    figure = heat_map(np.stack(list(rows.values())), list(rows), areas)
    what = f"Fill: {first}, except where another is named."
    store.figure("occlusion_heat_map", figure, "Accuracy per condition", what)


def _draw_arms(arms: Arms, tables: dict[str, list[pd.DataFrame]], store: ArtifactStore) -> None:
    first = next(iter(tables.values()))[0]
    fill, areas = first["fill"].iloc[0], sorted(first["area"].unique())
    curves = {
        shape: {
            arm: [_curve(frame, shape, fill, areas) for frame in frames] for arm, frames in tables.items()
        }
        for shape in dict.fromkeys(first["shape"])
    }
    title = f"structured occlusion, fill: {fill}, {arms.seeds_said}"
    what = "The same pixels are covered for every arm and seed. Bands: one standard deviation over seeds."
    store.figure("occlusion_arms", occlusion_figure(curves, areas, title), "Structured occlusion", what)
    means = np.stack(
        [np.nanmean([values for shape in curves for values in curves[shape][arm]], axis=0) for arm in tables]
    )
    figure = heat_map(means, list(tables), areas)
    store.figure("occlusion_heat_map", figure, "Accuracy by area occluded", "Mean over shapes and seeds.")


def _curve(frame: pd.DataFrame, shape: str, fill: str, areas: Sequence[float]) -> np.ndarray:
    chosen = frame[(frame["shape"] == shape) & (frame["fill"] == fill)]
    return chosen.set_index("area")["accuracy"].reindex(np.asarray(areas)).to_numpy(float)
