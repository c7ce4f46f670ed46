"""What the removal test holds out, and what each of its arms removes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ersm_lab.papers.slem.checks import Array, InputError

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
