"""How much a map depends on what an author could have chosen otherwise: traversal, seed, window, hidden units."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ersm_lab.core.protocols import Summary
from ersm_lab.papers.slem.checks import Array, luminance
from ersm_lab.papers.slem.schema import LearnerSettings
from ersm_lab.papers.slem.suites.dependence.figures import dependence_figure
from ersm_lab.papers.slem.suites.dependence.settings import FACTORS, SlemDependenceConfig
from ersm_lab.papers.slem.suites.interest import (
    chance_map,
    generator_of,
    learned_maps,
    overlap,
    spearman,
    top_points,
)
from ersm_lab.papers.slem.suites.means import means_by
from ersm_lab.papers.slem.suites.study import flat_summary, study_pictures, together
from ersm_lab.papers.slem.suites.subject import PictureSubject, PictureSuite, settings_of


class DependenceSuite(PictureSuite[SlemDependenceConfig]):
    """Do maps and points depend on traversal, seed, window and hidden units? Every pair of values, over a set of pictures."""

    def measure(self, subject: PictureSubject[SlemDependenceConfig]) -> Summary:
        """Writes ``dependence`` (per picture, factor and pair), ``dependence_pairs``, ``dependence_means`` and a figure.

        Returns, with ``_low`` and ``_high``, means over pictures and pairs: ``<split>/dependence/<factor>/<entropy|error>/<spearman|overlap>``
        and ``<split>/dependence/<factor>/chance`` (overlap of random points).
        """
        settings, learner = subject.settings, settings_of(subject)
        pictures = study_pictures(subject, "dependence")
        frame = together([dependence({name: grey}, learner, settings) for name, grey in pictures])
        columns, quantities = ["image", "factor", "a", "b", "map"], ["spearman", "overlap", "chance"]
        long = frame.melt(columns, quantities, "quantity", "value")
        pairs = means_by(long, ["factor", "a", "b", "map", "quantity"], "value")
        means = means_by(long, ["factor", "map", "quantity"], "value")
        count, store = frame["image"].nunique(), subject.store
        what = f"{count} pictures; the other settings as in the run; 95 % bootstrap intervals over pictures."
        store.table("dependence", frame, "Dependence on settings, per picture", what)
        store.table("dependence_pairs", pairs, "Dependence on settings, pairs", what)
        store.table("dependence_means", means, "Dependence on settings, means over pairs", what)
        halves = "Above the diagonal rank correlation, below it overlap of points."
        figure = dependence_figure(pairs, means)
        store.figure("dependence", figure, "Dependence on settings", f"{halves} {what}")
        prefix = f"{subject.split}/dependence"
        chance = means[(means["quantity"] == "chance") & (means["map"] == "entropy")]
        measured = means[means["quantity"] != "chance"]
        found = flat_summary(prefix, measured, ["factor", "map", "quantity"])
        return found | flat_summary(prefix, chance, ["factor", "quantity"])


def dependence(
    images: Mapping[str, ArrayLike],
    learner: LearnerSettings,
    settings: SlemDependenceConfig,
    seed: int = 0,
) -> pd.DataFrame:
    """All pairs of values of one factor, the others as in ``learner``: do they give the same map and the same points?

    images: name -> (H, W) or (H, W, 3). A factor with fewer than two values is left out. Points: ``settings.share`` of the
    pixels, as many of every map, ``settings.min_distance`` apart.

    Returns image, factor, a, b (values, as text), map (``entropy``, or ``error``: what the simplest score of the same learner
    does), spearman, overlap (of points within ``settings.radius``), chance (overlap of as many random points).
    """
    rows: list[dict[str, object]] = []
    for name, image in images.items():
        grey = luminance(image)
        for factor in FACTORS:
            values = getattr(settings, factor)
            if len(values) < 2:
                continue
            found = {value: learned_maps(grey, _with(learner, factor, value)) for value in values}
            defined = np.logical_and.reduce([np.isfinite(maps["entropy"]) for maps in found.values()])
            count, apart = max(1, round(settings.share * defined.sum())), settings.min_distance
            generator = generator_of(seed, name)
            draws = [top_points(chance_map(grey, generator), count, defined, apart) for _ in range(10)]
            chance = float(np.mean([overlap(*pair, settings.radius) for pair in combinations(draws, 2)]))
            for kind in ("entropy", "error"):
                maps = {value: np.where(defined, of[kind], np.nan) for value, of in found.items()}
                points = _points(maps, count, defined, apart, seed)
                for a, b in combinations(values, 2):
                    pair = {"image": name, "factor": factor, "a": str(a), "b": str(b), "map": kind}
                    near = overlap(points[a], points[b], settings.radius)
                    same = spearman(maps[a], maps[b])
                    rows.append({**pair, "spearman": same, "overlap": near, "chance": chance})
    return pd.DataFrame(rows)


def _with(learner: LearnerSettings, factor: str, value: str | int) -> LearnerSettings:
    """The settings with one factor changed; ``hidden`` is the units of one layer."""
    return LearnerSettings.of({**vars(learner), factor: [value] if factor == "hidden" else value})


def _points(
    maps: Mapping[str | int, Array], count: int, defined: Array, apart: int, seed: int
) -> dict[str | int, Array]:
    """Equally many points of every map; ties fall otherwise in each."""
    return {
        value: top_points(map_, count, defined, apart, seed + number)
        for number, (value, map_) in enumerate(maps.items())
    }
