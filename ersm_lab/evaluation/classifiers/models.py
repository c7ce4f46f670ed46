"""What the suites of classifiers are given, and what they ask of a model.

Any module from images to logits has accuracy, clean and under occlusion. Cached features, shared backbones, and everything
about tokens need more members: ``ersm_lab.core.protocols`` names them, and a model without them is refused in one line.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import (
    Batch,
    Classifier,
    ClassifierOutput,
    FeatureClassifier,
    LabelledImages,
    TokenClassifier,
)
from ersm_lab.evaluation.classifiers.settings import ClassifierEvaluationConfig
from ersm_lab.evaluation.subject import Subject
from ersm_lab.evaluation.suite import Suite

ClassifierSubject = Subject[ClassifierEvaluationConfig, Classifier, LabelledImages]
ClassifierSuite = Suite[ClassifierEvaluationConfig, Classifier, LabelledImages]

_OF_FEATURES = ("backbone", "features", "classify")
_OF_TOKENS = (*_OF_FEATURES, "tokens", "head", "pool", "grid_size", "patch_size", "deletion_geometry")


@dataclass(frozen=True)
class Logits:
    """What a classifier without a mask says: ``logits (B, K)``."""

    logits: Tensor
    mask: None = None


def answer(found: ClassifierOutput | Tensor) -> ClassifierOutput:
    """What a model's ``classify`` gave, also where that is a bare tensor of logits."""
    return Logits(found) if isinstance(found, Tensor) else found


def classify(subject: ClassifierSubject, batch: Batch) -> ClassifierOutput:
    """The model's answer to a batch as a data module gives it, in the arithmetic of the run."""
    runner, model = subject.runner, subject.runner.model
    if isinstance(model, FeatureClassifier):
        if "features" in batch:
            return answer(runner.run(model.classify, batch["features"]))
        return answer(runner.run(lambda images: model.classify(model.features(images)), batch["image"]))
    if "image" not in batch:
        raise UserError(
            f"trainer.feature_cache.enabled gives features, but {type(model).__name__} has no "
            f"{_missing(model, _OF_FEATURES)!r}; switch it off"
        )
    return answer(runner.run(model, batch["image"]))


def token_classifier(subject: ClassifierSubject) -> TokenClassifier:
    """The subject's model as one with tokens. Raises ``UserError`` for one that has none."""
    model = subject.runner.model
    if not isinstance(model, TokenClassifier):
        raise UserError(
            f"evaluation.suite={subject.settings.suite} needs a classifier of tokens, but {type(model).__name__} has no "
            f"{_missing(model, _OF_TOKENS)!r} (see ersm_lab.core.protocols.TokenClassifier)"
        )
    return model


def same_backbone(first: Classifier, second: Classifier) -> bool:
    """Whether two models give the same features: equal weights and buffers of their backbones."""
    if not (isinstance(first, FeatureClassifier) and isinstance(second, FeatureClassifier)):
        return first is second
    a, b = first.backbone.state_dict(), second.backbone.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key].cpu(), b[key].cpu()) for key in a)


def _missing(model: Classifier, members: tuple[str, ...]) -> str:
    return next(name for name in members if not hasattr(model, name))
