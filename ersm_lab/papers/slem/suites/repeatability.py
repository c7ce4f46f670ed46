"""Are points found again in a changed image? The standard share, for Learning Entropy and beside known detectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ersm_lab.papers.slem.checks import Array, luminance
from ersm_lab.papers.slem.suites.interest import (
    chance_map,
    detector_map,
    found_again,
    generator_of,
    learned_maps,
    top_points,
)
from ersm_lab.papers.slem.suites.warps import change, common_area

POINTS = ("entropy", "error", "harris", "shi_tomasi", "canny", "gradient", "random")
CHANGES: dict[str, tuple[float, ...]] = {
    "noise": (0.01, 0.02, 0.05, 0.1),
    "blur": (0.5, 1.0, 2.0, 3.0),
    "brightness": (0.5, 0.75, 1.25, 1.5),
    "rotation": (5.0, 15.0, 30.0, 45.0, 90.0),
    "scale": (0.5, 0.75, 1.25, 1.5, 2.0),
}


def repeatability(
    images: Mapping[str, Any],
    settings: Mapping[str, Any],
    changes: Mapping[str, Sequence[float]] | None = None,
    share: float = 0.005,
    radius: float = 2.0,
    min_distance: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Repeatability of every image's points under every change: image, change, amount, detector, repeatability, points.

    Points are detected in both images, over the common area alone (both places valid: inside the frame, with a full window,
    after the learner's first samples), equally many in each: ``share`` of the original's common area. Those of the changed image are
    mapped back; repeatability is the share of the original's points with one of them within ``radius`` pixels. The learner starts anew
    on the changed image, from the same seed. ``random`` draws both sets independently: chance.

    images: name -> (H, W) or (H, W, 3). settings: of the learner.
    """
    rows = []
    for name, image in images.items():
        grey = luminance(image)
        maps = _maps(grey, settings, generator_of(seed, name, 0))
        for kind, amounts in (changes or CHANGES).items():
            for amount in amounts:
                changed = change(grey, kind, amount, seed)
                generator = generator_of(seed, name, 1)
                there = _maps(changed.pixels, settings, generator)
                valid = np.isfinite(maps["entropy"]), np.isfinite(there["entropy"])
                masks = common_area(changed, *valid)
                count = max(1, round(share * masks[0].sum()))
                for detector in POINTS:
                    first = top_points(maps[detector], count, masks[0], min_distance, seed)
                    second = top_points(there[detector], count, masks[1], min_distance, seed + 1)
                    least = min(len(first), len(second))
                    again = found_again(first[:least], changed.back(second[:least]), radius)
                    rows.append({
                        "image": name, "change": kind, "amount": float(amount), "detector": detector,
                        "repeatability": again, "points": least,
                    })  # fmt: skip
    return pd.DataFrame(rows)


def _maps(image: Array, settings: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Array]:
    maps = learned_maps(image, settings)
    maps |= dict(_detected(image, int(settings.get("window_size", 5))))
    return {**maps, "random": chance_map(image, generator)}


def _detected(image: Array, window_size: int) -> Iterator[tuple[str, Array]]:
    for name in ("harris", "shi_tomasi", "canny", "gradient"):
        yield name, detector_map(name, image, window_size)
