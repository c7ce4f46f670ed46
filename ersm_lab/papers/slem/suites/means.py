"""Means over images with bootstrap intervals: images are the units, seeds of one image belong together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ersm_lab.statistics.intervals import paired_bootstrap

LEVEL = 0.95


def mean_interval(
    values: ArrayLike, against: ArrayLike | None = None, n_boot: int = 10_000
) -> dict[str, float]:
    """``estimate``, ``low``, ``high`` (95 %) of the mean of ``values``, or of ``values - against``, paired; and ``images``.

    values, against: (images,) or (seeds, images), NaN where undefined, which is left out. Without two defined images there
    is an estimate but no interval.
    """
    first = np.atleast_2d(np.asarray(values, np.float64))
    second = np.zeros_like(first) if against is None else np.atleast_2d(np.asarray(against, np.float64))
    difference = first - second
    images = int(np.isfinite(difference).any(0).sum())
    if images < 2:
        estimate = float(np.nanmean(difference)) if images else float("nan")
        return {"estimate": estimate, "low": float("nan"), "high": float("nan"), "images": images}
    found = paired_bootstrap(first, second, n_boot=n_boot, level=LEVEL)
    return {"estimate": found.estimate, "low": found.low, "high": found.high, "images": images}


def means_by(frame: pd.DataFrame, keys: list[str], value: str) -> pd.DataFrame:
    """A row per group of ``keys`` with the mean of ``value`` over images (column ``image``) and its interval.

    Several rows of one image in a group are averaged first: they are no further images.
    """
    per_image = frame.groupby([*keys, "image"], sort=False, dropna=False)[value].mean().reset_index()
    rows = [
        {**dict(zip(keys, names, strict=True)), **mean_interval(part[value])}
        for names, part in per_image.groupby(keys, sort=False, dropna=False)
    ]
    return pd.DataFrame(rows)


def differences_by(
    frame: pd.DataFrame, keys: list[str], value: str, arm: str, reference: str
) -> pd.DataFrame:
    """As ``means_by``, of ``value`` at each other ``arm`` minus ``value`` at arm ``reference``: paired by image, and by
    ``seed`` where the frame has that column (the bootstrap then draws an image with all its seeds).
    """
    units = ["seed", "image"] if "seed" in frame else ["image"]
    rows = []
    for names, part in frame.groupby(keys, sort=False, dropna=False):
        wide = part.groupby([arm, *units], sort=False)[value].mean().unstack("image")
        if reference not in part[arm].to_numpy():
            continue
        base = wide.loc[[reference]].to_numpy()
        for name in part[arm].unique():
            if name != reference:
                found = mean_interval(wide.loc[[name]].to_numpy(), base)
                rows.append({**dict(zip(keys, names, strict=True)), arm: name, "minus": reference, **found})
    return pd.DataFrame(rows)
