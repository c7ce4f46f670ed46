"""What a suite is given: trained models, one split of their data, and a place for artifacts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ersm_lab.evaluation.classifiers.rankings import Scene
from ersm_lab.evaluation.runner import Runner


@dataclass(frozen=True)
class Subject:
    """One model on one split.

    Attributes
    ----------
    runner: the model on its device.
    batches: the split in order, whole, as batch dictionaries (``image`` or ``features``, ``label``, ``index``, ``mask``).
    data: the data module; ``data.<split>`` gives raw pictures, masks and names.
    split: ``val`` or ``test``.
    settings: the ``evaluation`` group of the configuration.
    store: the artifact store of the run or of the evaluation.
    seed: of the training; subjects of one seed make pairs.
    others: models of the same features by role, ``baseline`` and ``position_only``, where they are known.
    """

    runner: Runner
    batches: Iterable[dict[str, Any]]
    data: Any
    split: str
    settings: dict[str, Any]
    store: Any
    others: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    @torch.inference_mode()
    def scene(self, batch: Mapping[str, Any]) -> Scene:
        """A batch as rankings see it: features ``(B, C, h, w)`` in float32 at least, and the model's output for them."""
        features = (
            self.runner.features(batch) if "features" not in batch else self.runner.move(batch)["features"]
        )
        features = features if features.dtype == torch.float64 else features.float()
        model = self.runner.model
        return Scene(model, features, model.classify(features), batch["index"], self.others)


def same_backbone(first: Any, second: Any) -> bool:
    """Whether two models give the same features: equal weights and buffers of their backbones."""
    a, b = first.backbone.state_dict(), second.backbone.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key].cpu(), b[key].cpu()) for key in a)


def each(suite: Callable[[Subject], dict[str, Any]]) -> Callable[[Sequence[Subject]], list[dict[str, Any]]]:
    """A suite that looks at one model at a time, as one that is given several."""

    @functools.wraps(suite)
    def evaluate(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
        return [suite(subject) for subject in subjects]

    return evaluate
