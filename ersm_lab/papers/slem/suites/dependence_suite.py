"""Do maps and points depend on traversal, seed, window and hidden units? Every pair of values, over a set of pictures."""

from __future__ import annotations

from typing import Any

from ersm_lab.evaluation.subject import Subject, each
from ersm_lab.papers.slem.suites.dependence import FACTORS, dependence
from ersm_lab.papers.slem.suites.means import means_by
from ersm_lab.papers.slem.suites.study import flat_summary, study_pictures, together
from ersm_lab.papers.slem.suites.study_figures import dependence_figure
from ersm_lab.papers.slem.suites.subject import settings_of


@each
def evaluate(subject: Subject) -> dict[str, Any]:
    """Writes ``dependence`` (per picture, factor and pair), ``dependence_pairs``, ``dependence_means`` and a figure.

    Returns, with ``_low`` and ``_high``, means over pictures and pairs: ``<split>/dependence/<factor>/<entropy|error>/<spearman|overlap>``
    and ``<split>/dependence/<factor>/chance`` (overlap of random points).
    """
    settings, learner, store = subject.settings, settings_of(subject), subject.store
    factors = {factor: tuple(settings[factor]) for factor in FACTORS if len(settings[factor]) > 1}
    frame = together([
        dependence(
            {name: grey}, learner, factors, settings["share"], settings["radius"], settings["min_distance"]
        )
        for name, grey in study_pictures(subject, "dependence")
    ])  # fmt: skip
    what = f"{frame['image'].nunique()} pictures; the other settings as in the run; 95 % bootstrap intervals over pictures."
    long = frame.melt(
        ["image", "factor", "a", "b", "map"], ["spearman", "overlap", "chance"], "quantity", "value"
    )
    pairs = means_by(long, ["factor", "a", "b", "map", "quantity"], "value")
    means = means_by(long, ["factor", "map", "quantity"], "value")
    store.table("dependence", frame, "Dependence on settings, per picture", what)
    store.table("dependence_pairs", pairs, "Dependence on settings, pairs", what)
    store.table("dependence_means", means, "Dependence on settings, means over pairs", what)
    store.figure("dependence", dependence_figure(pairs, means), "Dependence on settings", f"Above the diagonal rank correlation, below it overlap of points. {what}")  # fmt: skip
    prefix = f"{subject.split}/dependence"
    chance = means[(means["quantity"] == "chance") & (means["map"] == "entropy")]
    measured = means[means["quantity"] != "chance"]
    return flat_summary(prefix, measured, ["factor", "map", "quantity"]) | flat_summary(
        prefix, chance, ["factor", "quantity"]
    )
