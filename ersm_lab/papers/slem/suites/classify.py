"""Classification from signatures: every arm through the same classifier, tuned in the same way, its test read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ersm_lab.papers.slem.checks import Array
from ersm_lab.papers.slem.suites.means import differences_by
from ersm_lab.papers.slem.suites.signature import ARMS, ENCODINGS, Signature, chosen_points, signature

COSTS = (1.0, 10.0)
COMPONENTS = 100


class Labelled(NamedTuple):
    """images (n, H, W) float in [0, 1]; labels (n,)."""

    images: Array
    labels: Array


def classify(
    train: Labelled,
    val: Labelled,
    test: Labelled,
    settings: Mapping[str, Any],
    counts: Sequence[int],
    patch_size: int | None = None,
    seeds: int = 3,
    arms: Sequence[str] = ARMS,
    min_distance: int = 0,
    costs: Sequence[float] = COSTS,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracy against K of every arm's signature, and of all pixels.

    The classifier: features standardised, their first 100 principal components, a support vector machine with a radial
    kernel (scikit-learn). The encoding of the signature and the machine's C are chosen on ``val``, for every arm, K and seed alone; the
    machine is fitted on ``train`` and reads ``test`` once. ``all`` sees every pixel, whatever K is.

    settings: of the learner, whose seed is counted up; the same for every image. counts: the K. patch_size: the
    learner's window unless given.

    Returns ``scores`` (k, arm, seed, encoding, cost, val_accuracy, test_accuracy, covered) and ``predictions`` (k, arm, seed,
    image, correct) of the test images.
    """
    splits = (train, val, test)
    size = int(settings.get("window_size", 5)) if patch_size is None else patch_size
    scores: list[dict[str, Any]] = []
    predictions: list[pd.DataFrame] = []

    def note(k: int, arm: str, seed: int, found: dict[str, Any], covered: float) -> None:
        correct = found.pop("correct")
        scores.append({"k": k, "arm": arm, "seed": seed, **found, "covered": covered})
        frame = {"k": k, "arm": arm, "seed": seed, "image": np.arange(len(correct)), "correct": correct}
        predictions.append(pd.DataFrame(frame))

    whole = best_of(
        {"pixels": tuple(part.images.reshape(len(part.images), -1) for part in splits)}, splits, costs
    )
    for seed in range(seeds):
        own = {**settings, "seed": int(settings.get("seed", 0)) + seed}
        points = [chosen_points(part.images, max(counts), own, arms, min_distance) for part in splits]
        for arm in arms:
            made = [signature(part.images, of[arm], size) for part, of in zip(splits, points, strict=True)]
            for k in counts:
                few: list[Signature] = [one.first(k) for one in made]
                choices = {name: tuple(one.encoded(name) for one in few) for name in ENCODINGS}
                note(k, arm, seed, best_of(choices, splits, costs), few[2].covered)
        for k in counts:
            note(k, "all", seed, dict(whole), 1.0)
    return pd.DataFrame(scores), pd.concat(predictions, ignore_index=True)


def best_of(
    choices: Mapping[str, tuple[Array, ...]], splits: Sequence[Labelled], costs: Sequence[float] = COSTS
) -> dict[str, Any]:
    """The pair of features and C that is best on validation, and what it does on test.

    choices: name -> features ``(n, d)`` of train, val and test. Equal scores: the first. Returns encoding, cost, val_accuracy, test_accuracy and
    ``correct`` (n test, float).
    """
    from sklearn.svm import SVC

    train, val, test = (part.labels for part in splits)
    best: tuple[float, str, float, Any, Array] | None = None
    for name, features in choices.items():
        reduced = _reduction(features[0].shape).fit(features[0])
        short = [reduced.transform(part) for part in features]
        for cost in costs:
            machine = SVC(C=cost, gamma="scale").fit(short[0], train)
            score = float((machine.predict(short[1]) == val).mean())
            if best is None or score > best[0]:
                best = score, name, cost, machine, short[2]
    assert best is not None
    score, name, cost, machine, features_of_test = best
    correct = (machine.predict(features_of_test) == test).astype(np.float64)
    return {
        "encoding": name,
        "cost": cost,
        "val_accuracy": score,
        "test_accuracy": float(correct.mean()),
        "correct": correct,
    }


def _reduction(shape: tuple[int, ...]) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    components = min(COMPONENTS, *shape)
    reduced = PCA(
        components, svd_solver="randomized" if min(shape) > 2 * COMPONENTS else "full", random_state=0
    )
    return make_pipeline(StandardScaler(), reduced)


def signature_effects(predictions: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of Learning Entropy's signature minus each other arm's, paired by test image and seed: per k; estimate,
    low, high (95 %)."""
    parts = []
    for other in predictions["arm"].unique():
        if other != "entropy":
            pair = predictions[predictions["arm"].isin(["entropy", other])]
            parts.append(differences_by(pair, ["k"], "correct", "arm", other))
    return pd.concat(parts, ignore_index=True)
