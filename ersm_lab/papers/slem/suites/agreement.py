"""Does Learning Entropy find what known detectors find, and does it find more than the learner's error says?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ersm_lab.papers.slem.checks import Array, luminance
from ersm_lab.papers.slem.suites.interest import (
    DETECTORS,
    chance_map,
    detector_map,
    generator_of,
    learned_maps,
    overlap,
    partial_spearman,
    spearman,
    top_points,
)
from ersm_lab.papers.slem.suites.means import means_by

MAPS = ("error", "gradient", "harris", "shi_tomasi", "variance", "shannon")
POINTS = ("entropy", "error", "harris", "shi_tomasi", "canny", "gradient", "random")


def agreement(
    images: Mapping[str, Any],
    settings: Mapping[str, Any],
    share: float = 0.005,
    radius: float = 2.0,
    min_distance: int = 3,
    draws: int = 5,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank correlations of maps, and overlaps of equally many points, of every image.

    images: name -> (H, W) or (H, W, 3). settings: of the learner. share: points per pixel of an image, the same number for
    every detector. radius: pixels within which points agree. min_distance: between points of one detector. draws: of
    random points, averaged.

    Returns ``correlations`` (image, map, spearman with the Learning Entropy map, given_error: the partial one with |error| taken out) and
    ``overlaps`` (image, a, b, overlap in [0, 1], points). ``random`` against ``random`` is two independent draws: chance.
    """
    correlations, overlaps = [], []
    for name, image in images.items():
        grey = luminance(image)
        maps = learned_maps(grey, settings)
        window = int(settings.get("window_size", 5))
        valid = np.isfinite(maps["entropy"])
        for detector in DETECTORS:
            maps[detector] = np.where(valid, detector_map(detector, grey, window), np.nan)
        for other in MAPS:
            correlations.append({
                "image": name, "map": other, "spearman": spearman(maps["entropy"], maps[other]),
                "given_error": partial_spearman(maps["entropy"], maps[other], maps["error"]) if other != "error" else np.nan,
            })  # fmt: skip
        count = max(1, round(share * grey.size))
        sets = {
            kind: [top_points(maps[kind], count, valid, min_distance, seed)]
            for kind in POINTS
            if kind != "random"
        }
        generator = generator_of(seed, name)
        sets["random"] = [
            top_points(chance_map(grey, generator), count, valid, min_distance) for _ in range(draws)
        ]
        for i, a in enumerate(POINTS):
            for b in POINTS[i:]:
                if a == b and a != "random":
                    continue
                pairs = _pairs(sets[a], sets[b], a == b)
                values = [overlap(first, second, radius) for first, second in pairs]
                overlaps.append(
                    {
                        "image": name,
                        "a": a,
                        "b": b,
                        "overlap": float(np.mean(values)) if values else np.nan,
                        "points": len(sets[a][0]),
                    }
                )
    return pd.DataFrame(correlations), pd.DataFrame(overlaps)


def _pairs(first: Sequence[Array], second: Sequence[Array], same: bool) -> list[tuple[Array, Array]]:
    if same:
        return list(pairwise(first))
    return [(a, b) for a in first for b in second]


def agreement_means(correlations: pd.DataFrame, overlaps: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Means over images with 95 % intervals, images as units: estimate, low, high, images.

    Of correlations: map, quantity (``spearman``, ``given_error``). Of overlaps: detector, quantity: with Learning Entropy (``entropy``),
    with |error| (``error``), with random points (``chance``), and the paired differences ``entropy_minus_chance``
    and ``entropy_minus_error``.
    """
    first = correlations.melt(["image", "map"], ["spearman", "given_error"], "quantity", "value").dropna()
    turned = overlaps.rename(columns={"a": "b", "b": "a"})
    both = pd.concat([overlaps, turned], ignore_index=True).drop_duplicates(["image", "a", "b"])
    parts = []
    for detector in POINTS[1:]:
        part = both[both["b"] == detector].pivot(index="image", columns="a", values="overlap")
        part = part.reindex(columns=["entropy", "error", "random"]).rename(columns={"random": "chance"})
        part["entropy_minus_chance"] = part["entropy"] - part["chance"]
        part["entropy_minus_error"] = part["entropy"] - part["error"]
        long = part.reset_index().melt("image", var_name="quantity", value_name="value").dropna()
        parts.append(long.assign(detector=detector))
    second = means_by(pd.concat(parts, ignore_index=True), ["detector", "quantity"], "value")
    return means_by(first, ["map", "quantity"], "value"), second
