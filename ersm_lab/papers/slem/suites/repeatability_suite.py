"""Repeatability of points under changes of the picture, Learning Entropy beside detectors and chance."""

from __future__ import annotations

from typing import Any

from ersm_lab.evaluation.subject import Subject, each
from ersm_lab.papers.slem.suites.means import differences_by, means_by
from ersm_lab.papers.slem.suites.repeatability import repeatability
from ersm_lab.papers.slem.suites.study import flat_summary, study_pictures, together
from ersm_lab.papers.slem.suites.study_figures import repeatability_figure
from ersm_lab.papers.slem.suites.subject import settings_of
from ersm_lab.papers.slem.suites.warps import KINDS


@each
def evaluate(subject: Subject) -> dict[str, Any]:
    """Writes ``repeatability`` (per picture, change, amount, detector), ``repeatability_means``, ``repeatability_differences`` and a figure.

    Returns, with ``_low`` and ``_high``, means over pictures and amounts: ``<split>/repeatability/<change>/<detector>``, and
    ``<split>/repeatability/<change>/<detector>_minus_entropy``, paired.
    """
    settings, learner, store = subject.settings, settings_of(subject), subject.store
    changes = {kind: tuple(settings[kind]) for kind in KINDS if settings[kind]}
    frame = together([
        repeatability(
            {name: grey}, learner, changes, settings["share"], settings["radius"], settings["min_distance"]
        )
        for name, grey in study_pictures(subject, "repeatability")
    ])  # fmt: skip
    what = (
        f"Share of points found again within {settings['radius']:g} pixels after mapping back, over the common area, equally many of"
        f" every detector; {frame['image'].nunique()} pictures, 95 % bootstrap intervals over pictures."
    )
    means = means_by(frame, ["change", "amount", "detector"], "repeatability")
    over = means_by(frame, ["change", "detector"], "repeatability")
    differences = differences_by(frame, ["change"], "repeatability", "detector", "entropy")
    store.table("repeatability", frame, "Repeatability, per picture", what)
    store.table("repeatability_means", means, "Repeatability", what)
    store.table("repeatability_differences", differences, "Repeatability, minus Learning Entropy's", f"Mean over amounts, paired. {what}")  # fmt: skip
    store.figure("repeatability", repeatability_figure(means), "Repeatability of points", what)
    prefix = f"{subject.split}/repeatability"
    named = differences.assign(detector=differences["detector"] + "_minus_entropy")
    return flat_summary(prefix, over, ["change", "detector"]) | flat_summary(
        prefix, named, ["change", "detector"]
    )
