"""Where points come from: Learning Entropy, the learner's own error, classical detectors, and chance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ersm_lab.files.pixels import Pixels
from ersm_lab.papers.slem.points import entropy_points
from ersm_lab.papers.slem.suites.interest import chance_map, detector_map, top_points
from ersm_lab.papers.slem.suites.settings import PointsConfig
from ersm_lab.papers.slem.suites.subject import Learnt

CLASSICAL = ("harris", "shi_tomasi", "canny")
SOURCES = ("entropy", "error", *CLASSICAL, "random")


def maps_of(picture: Learnt, epoch: int) -> tuple[dict[str, Pixels], Pixels]:
    """The map of each source ``(H, W)``, high where it finds something, and where points may lie ``(H, W)`` bool.

    Those are the centres of windows whose Learning Entropy is defined (its statistics were full, which raster orders leave
    open in the first rows): the same for every source.
    """
    half, (h, w) = picture.window_size // 2, picture.entropy.shape[1:]
    inner = (slice(half, half + h), slice(half, half + w))
    valid = np.zeros(picture.grey.shape, bool)
    valid[inner] = True
    maps = {name: np.zeros(picture.grey.shape) for name in ("entropy", "error")}
    maps["entropy"][inner] = picture.map_of(epoch)
    maps["error"][inner] = np.abs(picture.error[epoch - 1])
    for name in CLASSICAL:
        maps[name] = detector_map(name, picture.grey, picture.window_size)
    maps["random"] = chance_map(picture.grey, np.random.default_rng(picture.index))
    return maps, valid


def points_of(
    maps: Mapping[str, Pixels], valid: Pixels, picture: Learnt, settings: PointsConfig
) -> dict[str, Pixels]:
    """``(P, 2)`` points of each source: entropy points, and as many of the others at the same least distance."""
    distance, map_ = settings.min_distance, picture.map_of(settings.epoch)
    entropy = entropy_points(map_, picture.window_size, settings.quantile, distance)
    others = {
        name: top_points(maps[name], len(entropy), valid, distance).astype(np.int64) for name in SOURCES[1:]
    }
    return {"entropy": entropy, **others}
