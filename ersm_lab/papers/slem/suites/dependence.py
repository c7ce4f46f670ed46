"""How much a map depends on what an author could have chosen otherwise: traversal, seed, window, hidden units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ersm_lab.papers.slem.checks import luminance
from ersm_lab.papers.slem.engine.traversal import TRAVERSALS
from ersm_lab.papers.slem.suites.interest import (
    chance_map,
    generator_of,
    learned_maps,
    overlap,
    spearman,
    top_points,
)

FACTORS: dict[str, tuple[Any, ...]] = {
    "traversal": TRAVERSALS,
    "seed": (0, 1, 2, 3, 4),
    "window_size": (3, 5, 7, 9),
    "hidden": (4, 8, 16, 32, 64),
}


def dependence(
    images: Mapping[str, Any],
    settings: Mapping[str, Any],
    factors: Mapping[str, Sequence[Any]] | None = None,
    share: float = 0.005,
    radius: float = 2.0,
    min_distance: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """All pairs of values of one factor, the others as in ``settings``: do they give the same map and the same points?

    images: name -> (H, W) or (H, W, 3). factors: keyword of ``spatial_learning_entropy`` -> values. Points: ``share`` of the pixels, as
    many of every map, ``min_distance`` apart.

    Returns image, factor, a, b (values, as text), map (``entropy``, or ``error``: what the simplest score of the same learner does),
    spearman, overlap (of points within ``radius``), chance (overlap of as many random points).
    """
    rows = []
    for name, image in images.items():
        grey = luminance(image)
        for factor, values in (factors or FACTORS).items():
            found = {value: learned_maps(grey, {**settings, factor: value}) for value in values}
            defined = np.logical_and.reduce([np.isfinite(maps["entropy"]) for maps in found.values()])
            count = max(1, round(share * defined.sum()))
            generator = generator_of(seed, name)
            draws = [top_points(chance_map(grey, generator), count, defined, min_distance) for _ in range(10)]
            chance = float(np.mean([overlap(*pair, radius) for pair in combinations(draws, 2)]))
            for kind in ("entropy", "error"):
                points = {
                    value: top_points(maps[kind], count, defined, min_distance, seed + number)
                    for number, (value, maps) in enumerate(found.items())
                }
                for a, b in combinations(values, 2):
                    first, second = (np.where(defined, found[value][kind], np.nan) for value in (a, b))
                    rows.append({
                        "image": name, "factor": factor, "a": str(a), "b": str(b), "map": kind,
                        "spearman": spearman(first, second), "overlap": overlap(points[a], points[b], radius),
                        "chance": chance,
                    })  # fmt: skip
    return pd.DataFrame(rows)
