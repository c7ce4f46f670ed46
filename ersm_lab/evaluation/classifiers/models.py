"""What the suites of classifiers are given, and what they ask of a model.

Any module from images to logits has accuracy, clean and under occlusion. Cached features, shared backbones, and everything
about tokens need more members: ``ersm_lab.core.protocols`` names them, and a model without them is refused in one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard, cast

import pytorch_lightning as pl
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
    missing_member,
)
from ersm_lab.evaluation.classifiers.settings import ClassifierEvaluationConfig
from ersm_lab.evaluation.subject import Subject
from ersm_lab.evaluation.suite import Suite, require

ClassifierSubject = Subject[ClassifierEvaluationConfig, Classifier, LabelledImages]


class ClassifierSuite(Suite[ClassifierEvaluationConfig, Classifier, LabelledImages]):
    """The base of suites over classifiers."""

    models = Classifier
    data_modules = LabelledImages

    def accept(self, model: object, data: object, settings: ClassifierEvaluationConfig) -> None:
        """Besides members, the model must be one that can be called with images."""
        super().accept(model, data, settings)
        if getattr(type(model), "forward", None) is pl.LightningModule.forward:
            raise UserError(
                f"evaluation.suite={settings.suite} needs a classifier, but {type(model).__name__} has no 'forward' "
                "(see ersm_lab.core.protocols.Classifier)"
            )


class TokenSuite(ClassifierSuite):
    """The base of suites over classifiers of tokens."""

    models = TokenClassifier


@dataclass(frozen=True)
class Logits:
    """What a classifier without a mask says: ``logits (B, K)``."""

    logits: Tensor
    mask: None = None


def has_features(model: object) -> TypeGuard[FeatureClassifier]:
    """Whether a model is a classifier in two steps; submodules count as members, which ``isinstance`` forgets from Python 3.12 on."""
    return missing_member(model, FeatureClassifier) is None


def has_tokens(model: object) -> TypeGuard[TokenClassifier]:
    """Whether a model is a classifier of tokens."""
    return missing_member(model, TokenClassifier) is None


def answer(found: ClassifierOutput | Tensor) -> ClassifierOutput:
    """What a model's ``classify`` gave, also where that is a bare tensor of logits."""
    return Logits(found) if isinstance(found, Tensor) else found


def classify(subject: ClassifierSubject, batch: Batch) -> ClassifierOutput:
    """The model's answer to a batch as a data module gives it, in the arithmetic of the run."""
    runner, model = subject.runner, subject.runner.model
    if has_features(model):
        if "features" in batch:
            return answer(runner.run(model.classify, batch["features"]))
        return answer(runner.run(lambda images: model.classify(model.features(images)), batch["image"]))
    if "image" not in batch:
        raise UserError(
            f"trainer.feature_cache.enabled gives features, but {type(model).__name__} has no "
            f"{missing_member(model, FeatureClassifier)!r}; switch it off"
        )
    return answer(runner.run(model, batch["image"]))


def token_classifier(subject: ClassifierSubject) -> TokenClassifier:
    """The subject's model as one with tokens. Raises ``UserError`` for one that has none."""
    model = subject.runner.model
    require(model, TokenClassifier, subject.settings.suite)
    return cast(TokenClassifier, model)


def same_backbone(first: Classifier, second: Classifier) -> bool:
    """Whether two models give the same features: equal weights and buffers of their backbones."""
    if not (has_features(first) and has_features(second)):
        return first is second
    a, b = first.backbone.state_dict(), second.backbone.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key].cpu(), b[key].cpu()) for key in a)
