"""The removal test: which pixels does the learner need? Training without some of them, judged on blocks held out.

An entropy or an error says where the learner changed; whether those pixels carry what is to be learned shows only when
they are taken away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ersm_lab.core.protocols import Summary
from ersm_lab.papers.slem.checks import Array, luminance
from ersm_lab.papers.slem.schema import LearnerSettings
from ersm_lab.papers.slem.suites.means import differences_by
from ersm_lab.papers.slem.suites.removal.figures import removal_figure
from ersm_lab.papers.slem.suites.removal.selection import held_out, selections
from ersm_lab.papers.slem.suites.removal.settings import SlemRemovalConfig
from ersm_lab.papers.slem.suites.removal.windows import (
    WindowLearner,
    all_windows,
    prediction_errors,
    training,
)
from ersm_lab.papers.slem.suites.study import flat_summary, study_pictures, together
from ersm_lab.papers.slem.suites.subject import PictureSubject, PictureSuite, settings_of


class RemovalSuite(PictureSuite[SlemRemovalConfig]):
    """The removal test over a set of pictures: are the pixels of high Learning Entropy those that the learner needs?"""

    def measure(self, subject: PictureSubject[SlemRemovalConfig]) -> Summary:
        """Writes ``removal`` (per picture, seed, share, arm, epoch), ``removal_effects`` and a figure.

        Returns, with ``_low`` and ``_high``, mean differences of the natural logarithm of the held-out error:
        ``<split>/removal/<mse|mae|mse_over_epochs>/<share>/<arm>_minus_<reference>``; 0.01 is one per cent more error.
        """
        settings, learner = subject.settings, settings_of(subject)
        pictures = study_pictures(subject, "removal")
        frame = together([removal({name: grey}, learner, settings) for name, grey in pictures])
        effects = removal_effects(frame)
        what = (
            f"{frame['image'].nunique()} pictures, {settings.seeds} seeds; held-out blocks of {settings.block} pixels with a margin of"
            f" {learner.window_size - 1}; {settings.epochs} epochs; 95 % bootstrap intervals over pictures."
        )
        store, paired = subject.store, f"Differences of ln(error), paired. {what}"
        store.table("removal", frame, "Removal test", what)
        store.table("removal_effects", effects, "Removal test, effects", paired)
        store.figure("removal", removal_figure(frame, effects), "Removal test", what)
        named = effects.assign(pair=effects["arm"] + "_minus_" + effects["minus"])
        return flat_summary(f"{subject.split}/removal", named, ["quantity", "share", "pair"])


def removal(
    images: Mapping[str, ArrayLike], learner: LearnerSettings, settings: SlemRemovalConfig
) -> pd.DataFrame:
    """Held-out error of learners trained without some pixels, over the epochs of their training.

    Per image and seed: blocks are held out; a learner goes through both phases on the training windows alone, in raster order, which
    gives every one its Learning Entropy and |error|; then learners with the same fresh weights are trained (mini-batches, as in the
    first phase) on what each arm leaves, and tested on the same blocks.

    images: name -> (H, W) or (H, W, 3). learner: settings of all learners; the seed is counted up.

    Returns image, seed, share, arm, epoch (from 1), mse, mae (held out, intensities in [0, 1]), trained (windows).
    """
    rows: list[dict[str, object]] = []
    for name, image in images.items():
        windows = all_windows(luminance(image).astype(learner.dtype), learner.window_size)
        for number in range(settings.seeds):
            own = replace(learner, seed=learner.seed + number)
            rows += [{"image": name, "seed": own.seed, **row} for row in _of_seed(windows, own, settings)]
    return pd.DataFrame(rows)


def _of_seed(windows: Array, own: LearnerSettings, settings: SlemRemovalConfig) -> list[dict[str, object]]:
    """Rows of one image and seed; windows ``(h, w, k * k)``."""
    (height, width), k = windows.shape[:2], own.window_size
    test, allowed = held_out(height, width, k, settings.block, settings.test_share, own.seed)
    given, testing = windows[allowed], windows[test]
    first = WindowLearner(len(given), replace(own, traversal="raster"))
    first.pretrain(given)
    maps = first.sweep(given)
    known = np.arange(len(given)) >= own.memory + own.order - 1
    entropy, error = maps.entropy[:, 0], np.abs(maps.error[:, 0])
    rows: list[dict[str, object]] = []
    for share in settings.shares:
        for arm, indices in selections(entropy, error, share, own.seed, known).items():
            if arm == "all" and rows:  # the same whatever the share
                continue
            of = {"share": 0.0 if arm == "all" else share, "arm": arm}
            for epoch, weights in enumerate(training(given[indices], own, settings.epochs), 1):
                miss = prediction_errors(testing, weights, own.activation)
                errors = {"mse": float(np.square(miss).mean()), "mae": float(np.abs(miss).mean())}
                rows.append({**of, "epoch": epoch, **errors, "trained": len(indices)})
    return rows


def removal_effects(frame: pd.DataFrame) -> pd.DataFrame:
    """What each removal does to the held-out error: paired differences of natural logarithms, means over images with intervals.

    ``quantity``: ``mse`` and ``mae``, at the last epoch, and ``mse_over_epochs``, the mean over all epochs (convergence).
    0.01 is one per cent more error. Columns: share, arm, minus (``random``: what removing any pixels does; ``all``; ``top_error``: what the error alone
    would have chosen), quantity,
    estimate, low, high, images. Images are units; a bootstrap replicate draws images with all their seeds, and seeds too from five on.
    """
    parts = []
    last = frame[frame["epoch"] == frame["epoch"].max()]
    for quantity, part, column in (
        ("mse", last, "mse"),
        ("mae", last, "mae"),
        ("mse_over_epochs", frame, "mse"),
    ):
        held = part.assign(value=np.log(part[column]))
        held = held.groupby(["image", "seed", "share", "arm"])["value"].mean().reset_index()
        whole = held[held["arm"] == "all"]
        for share, arms in held[held["arm"] != "all"].groupby("share"):
            both = pd.concat([arms, whole.assign(share=share)], ignore_index=True)
            for reference in ("random", "all", "top_error"):
                found = differences_by(both, ["share"], "value", "arm", reference)
                parts.append(found.assign(quantity=quantity))
    return pd.concat(parts, ignore_index=True)
