"""One batch under one model, as rankings of tokens see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ersm_lab.core.protocols import Batch, ClassifierOutput, TokenClassifier
from ersm_lab.evaluation.classifiers.models import ClassifierSubject, answer, has_tokens, token_classifier


@dataclass(frozen=True)
class Scene:
    """What a ranking may look at. Shapes: features ``(B, C, h, w)``, tokens of ``patch_size`` positions a side.

    ``output`` is the model's own for ``features``; ``index (B,)`` the images' places in their split; ``others`` models of
    the same features by role.
    """

    model: TokenClassifier
    features: Tensor
    output: ClassifierOutput
    index: Tensor
    others: Mapping[str, TokenClassifier]

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of tokens."""
        rows, columns = self.model.grid_size
        return int(rows), int(columns)


@torch.inference_mode()
def scene_of(subject: ClassifierSubject, batch: Batch) -> Scene:
    """A batch with its features in float32 at least. Raises ``UserError`` for a model without tokens."""
    model, runner = token_classifier(subject), subject.runner
    found = (
        runner.place(batch["features"]) if "features" in batch else runner.run(model.features, batch["image"])
    )
    features = found if found.dtype == torch.float64 else found.float()
    others = {role: other for role, other in subject.others.items() if has_tokens(other)}
    return Scene(model, features, answer(model.classify(features)), batch["index"], others)
