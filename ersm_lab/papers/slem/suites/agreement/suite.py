"""Does Learning Entropy find what known detectors find, and does it find more than the learner's error says?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise, product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ersm_lab.core.protocols import Summary
from ersm_lab.papers.slem.checks import Array, luminance
from ersm_lab.papers.slem.schema import LearnerSettings
from ersm_lab.papers.slem.suites.agreement.figures import agreement_figure
from ersm_lab.papers.slem.suites.agreement.settings import SlemAgreementConfig
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
from ersm_lab.papers.slem.suites.study import flat_summary, study_pictures, together
from ersm_lab.papers.slem.suites.subject import PictureSubject, PictureSuite, settings_of

MAPS = ("error", "gradient", "harris", "shi_tomasi", "variance", "shannon")
POINTS = ("entropy", "error", "harris", "shi_tomasi", "canny", "gradient", "random")


class AgreementSuite(PictureSuite[SlemAgreementConfig]):
    """Agreement of Learning Entropy with detectors and with the learner's own error, over a set of pictures."""

    def measure(self, subject: PictureSubject[SlemAgreementConfig]) -> Summary:
        """Writes ``correlations`` and ``overlaps`` (per picture), their means with intervals, and the figure ``agreement``.

        Returns means over pictures with ``_low`` and ``_high``, as ``<split>/agreement/<map>/<spearman|given_error>`` and
        ``<split>/agreement/<detector>/<entropy|error|chance|entropy_minus_chance|entropy_minus_error>``.
        """
        settings, learner = subject.settings, settings_of(subject)
        pictures = study_pictures(subject, "agreement")
        found = [agreement({name: grey}, learner, settings) for name, grey in pictures]
        correlations, overlaps = (together(list(frames)) for frames in zip(*found, strict=True))
        maps, points = agreement_means(correlations, overlaps)
        _write(subject, settings, correlations, overlaps, maps, points)
        prefix = f"{subject.split}/agreement"
        return {
            f"{prefix}/pictures": len(found),
            **flat_summary(prefix, maps, ["map", "quantity"]),
            **flat_summary(prefix, points, ["detector", "quantity"]),
        }


def _write(
    subject: PictureSubject[SlemAgreementConfig],
    settings: SlemAgreementConfig,
    correlations: pd.DataFrame,
    overlaps: pd.DataFrame,
    maps: pd.DataFrame,
    points: pd.DataFrame,
) -> None:
    store, near = subject.store, f"Within {settings.radius:g} pixels"
    count = correlations["image"].nunique()
    what = f"{count} pictures; intervals are 95 % bootstrap over pictures."
    ranks = "Spearman's, with Learning Entropy; given_error: with |error| taken out."
    store.table("correlations", correlations, "Rank correlation of maps", ranks)
    both = f"{near}, equally many points, both directions averaged."
    store.table("overlaps", overlaps, "Overlap of points", both)
    store.table("correlation_means", maps, "Rank correlation of maps, means", what)
    store.table("overlap_means", points, "Overlap of points, means", what)
    figure = agreement_figure(maps, points, settings.radius)
    store.figure("agreement", figure, "Agreement with detectors and with |error|", what)


def agreement(
    images: Mapping[str, ArrayLike], learner: LearnerSettings, settings: SlemAgreementConfig, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank correlations of maps, and overlaps of equally many points, of every image.

    images: name -> (H, W) or (H, W, 3). seed: of ties and of random points.
    Returns ``correlations`` (image, map, spearman with the Learning Entropy map, given_error: the partial one with |error| taken
    out) and ``overlaps`` (image, a, b, overlap in [0, 1], points). ``random`` against ``random`` is two independent draws: chance.
    """
    correlations: list[dict[str, object]] = []
    overlaps: list[dict[str, object]] = []
    for name, image in images.items():
        grey = luminance(image)
        maps = learned_maps(grey, learner)
        valid = np.isfinite(maps["entropy"])
        for detector in DETECTORS:
            response = detector_map(detector, grey, learner.window_size)
            maps[detector] = np.where(valid, response, np.nan)
        for other in MAPS:
            plain = spearman(maps["entropy"], maps[other])
            given = np.nan
            if other != "error":
                given = partial_spearman(maps["entropy"], maps[other], maps["error"])
            correlations.append({"image": name, "map": other, "spearman": plain, "given_error": given})
        count, apart = max(1, round(settings.share * grey.size)), settings.min_distance
        generator = generator_of(seed, name)
        random = [chance_map(grey, generator) for _ in range(settings.draws)]
        sets = {kind: [top_points(maps[kind], count, valid, apart, seed)] for kind in POINTS[:-1]}
        sets["random"] = [top_points(map_, count, valid, apart) for map_ in random]
        overlaps += [{"image": name, **row} for row in _overlaps(sets, settings.radius)]
    return pd.DataFrame(correlations), pd.DataFrame(overlaps)


def _overlaps(sets: Mapping[str, Sequence[Array]], radius: float) -> list[dict[str, object]]:
    """A row per pair of ``POINTS``: the mean over all pairs of their sets, and how many points the first has."""
    rows: list[dict[str, object]] = []
    for i, a in enumerate(POINTS):
        for b in POINTS[i:]:
            if a == b and a != "random":
                continue
            pairs = pairwise(sets[a]) if a == b else product(sets[a], sets[b])
            values = [overlap(first, second, radius) for first, second in pairs]
            mean = float(np.mean(values)) if values else np.nan
            rows.append({"a": a, "b": b, "overlap": mean, "points": len(sets[a][0])})
    return rows


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
