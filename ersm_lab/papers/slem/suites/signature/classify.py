"""Classification from signatures: every arm through the same classifier, tuned in the same way, its test read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from ersm_lab.papers.slem.checks import Array
from ersm_lab.papers.slem.schema import LearnerSettings
from ersm_lab.papers.slem.suites.means import differences_by
from ersm_lab.papers.slem.suites.signature.settings import SlemSignatureConfig
from ersm_lab.papers.slem.suites.signature.signature import ARMS, ENCODINGS, chosen_points, signature

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

COSTS = (1.0, 10.0)
COMPONENTS = 100


class Labelled(NamedTuple):
    """images (n, H, W) float in [0, 1]; labels (n,)."""

    images: Array
    labels: Array


Splits = tuple[Labelled, Labelled, Labelled]  # train, val, test


class Choice(NamedTuple):
    """Features and C that were best on validation, and what they do on test: ``correct (n,)`` float."""

    encoding: str
    cost: float
    val_accuracy: float
    correct: Array


def classify(
    splits: Splits,
    learner: LearnerSettings,
    settings: SlemSignatureConfig,
    arms: Sequence[str] = ARMS,
    costs: Sequence[float] = COSTS,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracy against K of every arm's signature, and of all pixels.

    The classifier: features standardised, their first 100 principal components, a support vector machine with a radial
    kernel (scikit-learn). The encoding of the signature and the machine's C are chosen on ``val``, for every arm, K and seed alone; the
    machine is fitted on ``train`` and reads ``test`` once. ``all`` sees every pixel, whatever K is.

    splits: train, val and test. learner: the same for every image; its seed is counted up.

    Returns ``scores`` (k, arm, seed, encoding, cost, val_accuracy, test_accuracy, covered) and ``predictions`` (k, arm, seed,
    image, correct) of the test images.
    """
    size = settings.patch_size or learner.window_size
    scores: list[dict[str, object]] = []
    predictions: list[pd.DataFrame] = []

    def note(k: int, arm: str, seed: int, found: Choice, covered: float) -> None:
        of, correct = {"k": k, "arm": arm, "seed": seed}, found.correct
        chosen = {"encoding": found.encoding, "cost": found.cost, "val_accuracy": found.val_accuracy}
        scores.append({**of, **chosen, "test_accuracy": float(correct.mean()), "covered": covered})
        predictions.append(pd.DataFrame({**of, "image": np.arange(len(correct)), "correct": correct}))

    pixels = tuple(part.images.reshape(len(part.images), -1) for part in splits)
    whole = best_of({"pixels": pixels}, splits, costs)
    for seed in range(settings.seeds):
        own = replace(learner, seed=learner.seed + seed)
        most, apart = max(settings.counts), settings.min_distance
        points = [chosen_points(part.images, most, own, arms, apart) for part in splits]
        for arm in arms:
            made = [signature(part.images, of[arm], size) for part, of in zip(splits, points, strict=True)]
            for k in settings.counts:
                few = [one.first(k) for one in made]
                choices = {name: tuple(one.encoded(name) for one in few) for name in ENCODINGS}
                note(k, arm, seed, best_of(choices, splits, costs), few[2].covered)
        for k in settings.counts:
            note(k, "all", seed, whole, 1.0)
    return pd.DataFrame(scores), pd.concat(predictions, ignore_index=True)


def best_of(
    choices: Mapping[str, tuple[Array, ...]], splits: Splits, costs: Sequence[float] = COSTS
) -> Choice:
    """The pair of features and C that is best on validation; of equal scores the first.

    choices: name -> features ``(n, d)`` of train, val and test.
    """
    from sklearn.svm import SVC

    train, val, test = (part.labels for part in splits)
    best: Choice | None = None
    for name, features in choices.items():
        reduced = _reduction(features[0].shape).fit(features[0])
        short = [reduced.transform(part) for part in features]
        for cost in costs:
            machine = SVC(C=cost, gamma="scale").fit(short[0], train)
            score = float((machine.predict(short[1]) == val).mean())
            if best is None or score > best.val_accuracy:
                correct = (machine.predict(short[2]) == test).astype(np.float64)
                best = Choice(name, cost, score, correct)
    assert best is not None
    return best


def _reduction(shape: tuple[int, ...]) -> Pipeline:
    """Standardisation and principal components, for features of ``shape (n, d)``."""
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    solver = "randomized" if min(shape) > 2 * COMPONENTS else "full"
    reduced = PCA(min(COMPONENTS, *shape), svd_solver=solver, random_state=0)
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
