"""The removal test over a set of pictures: are the pixels of high Learning Entropy those that the learner needs?"""

from __future__ import annotations

from typing import Any

from ersm_lab.evaluation.subject import Subject, each
from ersm_lab.papers.slem.engine.learner import Settings
from ersm_lab.papers.slem.suites.removal import removal, removal_effects
from ersm_lab.papers.slem.suites.study import flat_summary, study_pictures, together
from ersm_lab.papers.slem.suites.study_figures import removal_figure
from ersm_lab.papers.slem.suites.subject import settings_of


@each
def evaluate(subject: Subject) -> dict[str, Any]:
    """Writes ``removal`` (per picture, seed, share, arm, epoch), ``removal_effects`` and a figure.

    Returns, with ``_low`` and ``_high``, mean differences of the natural logarithm of the held-out error:
    ``<split>/removal/<mse|mae|mse_over_epochs>/<share>/<arm>_minus_<reference>``; 0.01 is one per cent more error.
    """
    settings, store = subject.settings, subject.store
    learner = Settings(**settings_of(subject))
    frame = together([
        removal(
            {name: grey}, learner, settings["shares"], settings["epochs"], settings["seeds"], settings["block"],
            settings["test_share"],
        )
        for name, grey in study_pictures(subject, "removal")
    ])  # fmt: skip
    effects = removal_effects(frame)
    what = (
        f"{frame['image'].nunique()} pictures, {settings['seeds']} seeds; held-out blocks of {settings['block']} pixels with a margin of"
        f" {learner.window_size - 1}; {settings['epochs']} epochs; 95 % bootstrap intervals over pictures."
    )
    store.table("removal", frame, "Removal test", what)
    store.table(
        "removal_effects", effects, "Removal test, effects", f"Differences of ln(error), paired. {what}"
    )
    store.figure("removal", removal_figure(frame, effects), "Removal test", what)
    named = effects.assign(pair=effects["arm"] + "_minus_" + effects["minus"])
    return flat_summary(f"{subject.split}/removal", named, ["quantity", "share", "pair"])
