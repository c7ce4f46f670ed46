"""The removal test: which pixels does the learner need? Training without some of them, judged on blocks held out.

An entropy or an error says where the learner changed; whether those pixels carry what is to be learned shows only when
they are taken away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from ersm_lab.papers.slem.checks import Array, InputError, luminance
from ersm_lab.papers.slem.engine.learner import Settings
from ersm_lab.papers.slem.suites.means import differences_by
from ersm_lab.papers.slem.suites.patches import WindowLearner, all_windows, prediction_errors, training

ARMS = ("all", "top_entropy", "top_error", "bottom_entropy", "bottom_error", "random")


def held_out(
    height: int, width: int, window_size: int, block: int, share: float, seed: int = 0
) -> tuple[Array, Array]:
    """Masks ``(height, width)`` over windows: those to test on, and those that may be trained on.

    The grid is cut into ``block`` x ``block`` squares, of which a random ``share`` (at least one) is held out; training windows keep
    ``window_size - 1`` windows' distance from them in both directions, so that no pixel is in a window of each kind.

    Raises ``InputError`` where nothing would be left to train on.
    """
    down, across = -(-height // block), -(-width // block)
    chosen = np.zeros(down * across, bool)
    count = max(1, round(share * down * across))
    chosen[np.random.default_rng(seed).permutation(down * across)[:count]] = True
    test = np.kron(chosen.reshape(down, across), np.ones((block, block), bool))[:height, :width].astype(bool)
    near = ndimage.binary_dilation(test, np.ones((2 * window_size - 1, 2 * window_size - 1), bool))
    if near.all():
        raise InputError(
            f"blocks of {block} with a share of {share:g} leave nothing of {height} x {width} windows to train on;"
            " try smaller ones"
        )
    return test, ~near


def selections(
    entropy: Array, error: Array, share: float, seed: int, known: Array | None = None
) -> dict[str, Array]:
    """For each arm the indices of the samples that stay, ascending: ``share`` of all ``n`` is removed, nothing for ``all``.

    entropy, error (n,): the score of each. Ties fall by a seeded permutation. known (n,): samples without a defined entropy are neither
    the top nor the bottom of it.
    """
    count = len(entropy)
    removed = round(share * count)
    generator = np.random.default_rng(seed)
    shuffle = generator.permutation(count)
    known = np.ones(count, bool) if known is None else known

    def without(ranked: Array) -> Array:
        return np.delete(np.arange(count), ranked[:removed])

    def highest(score: Array) -> Array:
        score = np.where(known, score, -np.inf)
        return np.asarray(shuffle[np.argsort(-score[shuffle], kind="stable")])

    return {
        "all": np.arange(count),
        "top_entropy": without(highest(entropy)),
        "top_error": without(highest(error)),
        "bottom_entropy": without(highest(-entropy)),
        "bottom_error": without(highest(-error)),
        "random": without(generator.permutation(count)),
    }


def removal(
    images: Mapping[str, Any],
    settings: Settings,
    shares: Sequence[float] = (0.05, 0.1, 0.2, 0.5),
    epochs: int = 16,
    seeds: int = 5,
    block: int = 32,
    test_share: float = 0.2,
) -> pd.DataFrame:
    """Held-out error of learners trained without some pixels, over the epochs of their training.

    Per image and seed: blocks are held out; a learner goes through both phases on the training windows alone, in raster order, which
    gives every one its Learning Entropy and |error|; then learners with the same fresh weights are trained (mini-batches, as in the
    first phase) on what each arm leaves, and tested on the same blocks.

    images: name -> (H, W) or (H, W, 3). settings: of all learners; its seed is counted up. shares: of training windows removed.
    epochs: of training; the error is taken after each.

    Returns image, seed, share, arm, epoch (from 1), mse, mae (held out, intensities in [0, 1]), trained (windows).
    """
    rows: list[dict[str, Any]] = []
    for name, image in images.items():
        windows = all_windows(luminance(image).astype(settings.dtype), settings.window_size)
        height, width = windows.shape[:2]
        for number in range(seeds):
            own = replace(settings, seed=settings.seed + number)
            test, allowed = held_out(height, width, own.window_size, block, test_share, own.seed)
            given, testing = windows[allowed], windows[test]
            first = WindowLearner(len(given), replace(own, traversal="raster"))
            first.pretrain(given)
            maps = first.sweep(given)
            known = np.arange(len(given)) >= own.memory + own.order - 1
            entropy, error = maps.entropy[:, 0], np.abs(maps.error[:, 0])
            for place, share in enumerate(shares):
                kept = selections(entropy, error, share, own.seed, known)
                for arm, indices in kept.items():
                    if arm == "all" and place:  # the same whatever the share
                        continue
                    for epoch, weights in enumerate(training(given[indices], own, epochs), 1):
                        miss = prediction_errors(testing, weights, own.activation)
                        rows.append({
                            "image": name, "seed": own.seed, "share": 0.0 if arm == "all" else share, "arm": arm,
                            "epoch": epoch, "mse": float(np.square(miss).mean()), "mae": float(np.abs(miss).mean()),
                            "trained": len(indices),
                        })  # fmt: skip
    return pd.DataFrame(rows)


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
