"""Are points found again in a changed picture? The standard share, for Learning Entropy and beside known detectors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ersm_lab.core.protocols import Summary
from ersm_lab.papers.slem.checks import Array, luminance
from ersm_lab.papers.slem.schema import LearnerSettings
from ersm_lab.papers.slem.suites.interest import (
    chance_map,
    detector_map,
    found_again,
    generator_of,
    learned_maps,
    top_points,
)
from ersm_lab.papers.slem.suites.means import differences_by, means_by
from ersm_lab.papers.slem.suites.repeatability.figures import repeatability_figure
from ersm_lab.papers.slem.suites.repeatability.settings import KINDS, SlemRepeatabilityConfig
from ersm_lab.papers.slem.suites.repeatability.warps import change, common_area
from ersm_lab.papers.slem.suites.study import flat_summary, study_pictures, together
from ersm_lab.papers.slem.suites.subject import PictureSubject, PictureSuite, settings_of

POINTS = ("entropy", "error", "harris", "shi_tomasi", "canny", "gradient", "random")


class RepeatabilitySuite(PictureSuite[SlemRepeatabilityConfig]):
    """Repeatability of points under changes of the picture, over a set of pictures."""

    def measure(self, subject: PictureSubject[SlemRepeatabilityConfig]) -> Summary:
        """Writes ``repeatability`` (per picture, change, amount, detector), ``repeatability_means``, ``repeatability_differences`` and a figure.

        Returns, with ``_low`` and ``_high``, means over pictures and amounts: ``<split>/repeatability/<change>/<detector>``, and
        ``<split>/repeatability/<change>/<detector>_minus_entropy``, paired.
        """
        settings, learner = subject.settings, settings_of(subject)
        pictures = study_pictures(subject, "repeatability")
        frame = together([repeatability({name: grey}, learner, settings) for name, grey in pictures])
        what = (
            f"Share of points found again within {settings.radius:g} pixels after mapping back, over the common area, equally many of"
            f" every detector; {frame['image'].nunique()} pictures, 95 % bootstrap intervals over pictures."
        )
        means = means_by(frame, ["change", "amount", "detector"], "repeatability")
        over = means_by(frame, ["change", "detector"], "repeatability")
        differences = differences_by(frame, ["change"], "repeatability", "detector", "entropy")
        store, paired = subject.store, f"Mean over amounts, paired. {what}"
        store.table("repeatability", frame, "Repeatability, per picture", what)
        store.table("repeatability_means", means, "Repeatability", what)
        title = "Repeatability, minus Learning Entropy's"
        store.table("repeatability_differences", differences, title, paired)
        store.figure("repeatability", repeatability_figure(means), "Repeatability of points", what)
        prefix, keys = f"{subject.split}/repeatability", ["change", "detector"]
        named = differences.assign(detector=differences["detector"] + "_minus_entropy")
        return flat_summary(prefix, over, keys) | flat_summary(prefix, named, keys)


def repeatability(
    images: Mapping[str, ArrayLike],
    learner: LearnerSettings,
    settings: SlemRepeatabilityConfig,
    seed: int = 0,
) -> pd.DataFrame:
    """Repeatability of every image's points under every change: image, change, amount, detector, repeatability, points.

    Points are detected in both images, over the common area alone (both places valid: inside the frame, with a full window,
    after the learner's first samples), equally many in each: ``settings.share`` of the original's common area. Those of the
    changed image are mapped back; repeatability is the share of the original's points with one of them within
    ``settings.radius`` pixels. The learner starts anew on the changed image, from the same seed. ``random`` draws both sets
    independently: chance.

    images: name -> (H, W) or (H, W, 3).
    """
    rows: list[dict[str, object]] = []
    for name, image in images.items():
        grey = luminance(image)
        maps = _maps(grey, learner, generator_of(seed, name, 0))
        for kind in KINDS:
            for amount in getattr(settings, kind):
                changed = change(grey, kind, amount, seed)
                there = _maps(changed.pixels, learner, generator_of(seed, name, 1))
                valid = np.isfinite(maps["entropy"]), np.isfinite(there["entropy"])
                masks = common_area(changed, *valid)
                count, apart = max(1, round(settings.share * masks[0].sum())), settings.min_distance
                of = {"image": name, "change": kind, "amount": float(amount)}
                for detector in POINTS:
                    first = top_points(maps[detector], count, masks[0], apart, seed)
                    second = top_points(there[detector], count, masks[1], apart, seed + 1)
                    least = min(len(first), len(second))
                    again = found_again(first[:least], changed.back(second[:least]), settings.radius)
                    rows.append({**of, "detector": detector, "repeatability": again, "points": least})
    return pd.DataFrame(rows)


def _maps(image: Array, learner: LearnerSettings, generator: np.random.Generator) -> dict[str, Array]:
    """The map of each of ``POINTS``."""
    classical = {name: detector_map(name, image, learner.window_size) for name in POINTS[2:-1]}
    return {**learned_maps(image, learner), **classical, "random": chance_map(image, generator)}
