"""Agreement of Learning Entropy with detectors and with the learner's own error, in numbers, over a set of pictures."""

from __future__ import annotations

from typing import Any

from ersm_lab.evaluation.subject import Subject, each
from ersm_lab.papers.slem.suites.agreement import agreement, agreement_means
from ersm_lab.papers.slem.suites.study import flat_summary, study_pictures, together
from ersm_lab.papers.slem.suites.study_figures import agreement_figure
from ersm_lab.papers.slem.suites.subject import settings_of


@each
def evaluate(subject: Subject) -> dict[str, Any]:
    """Writes ``correlations`` and ``overlaps`` (per picture), their means with intervals, and the figure ``agreement``.

    Returns means over pictures with ``_low`` and ``_high``, as ``<split>/agreement/<map>/<spearman|given_error>`` and
    ``<split>/agreement/<detector>/<entropy|error|chance|entropy_minus_chance|entropy_minus_error>``.
    """
    settings, learner, store = subject.settings, settings_of(subject), subject.store
    found = [
        agreement(
            {name: grey},
            learner,
            settings["share"],
            settings["radius"],
            settings["min_distance"],
            settings["draws"],
        )
        for name, grey in study_pictures(subject, "agreement")
    ]
    correlations, overlaps = (together(list(frames)) for frames in zip(*found, strict=True))
    maps, points = agreement_means(correlations, overlaps)
    count = len(found)
    what = f"{count} pictures; intervals are 95 % bootstrap over pictures."
    store.table("correlations", correlations, "Rank correlation of maps", "Spearman's, with Learning Entropy; given_error: with |error| taken out.")  # fmt: skip
    store.table("overlaps", overlaps, "Overlap of points", f"Within {settings['radius']:g} pixels, equally many points, both directions averaged.")  # fmt: skip
    store.table("correlation_means", maps, "Rank correlation of maps, means", what)
    store.table("overlap_means", points, "Overlap of points, means", what)
    store.figure("agreement", agreement_figure(maps, points, settings["radius"]), "Agreement with detectors and with |error|", what)  # fmt: skip
    prefix = f"{subject.split}/agreement"
    return {
        f"{prefix}/pictures": count,
        **flat_summary(prefix, maps, ["map", "quantity"]),
        **flat_summary(prefix, points, ["detector", "quantity"]),
    }
