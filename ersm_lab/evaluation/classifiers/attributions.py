"""Rankings of tokens by attribution, from captum (extra ``explain``).

Attributions are taken at the features, where tokens live; the class that they explain is the predicted one, as no label is known
when a model is used. Shapes: features ``(B, C, h, w)``, importance ``(B, N)``, high is important.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import FeatureClassifier
from ersm_lab.evaluation.classifiers.models import answer
from ersm_lab.evaluation.classifiers.rankings import BASELINE, Ranking
from ersm_lab.evaluation.classifiers.scene import Scene

_STEPS = 32  # of the integral


def positive(score: Tensor) -> Tensor:
    """What speaks for the class; what speaks against it counts nothing."""
    return score.clamp_min(0)


class _Tapped(nn.Module):
    """Features to logits with a layer in front on which captum can hook."""

    def __init__(self, model: FeatureClassifier) -> None:
        super().__init__()
        self.tap = nn.Identity()
        self.classify = model.classify

    def forward(self, features: Tensor) -> Tensor:
        return answer(self.classify(self.tap(features))).logits


def _grad_cam(scene: Scene) -> Tensor:
    return _grad_cam_of(scene, scene.model, scene.output.logits)


def _grad_cam_baseline(scene: Scene) -> Tensor | None:
    model = scene.others.get(BASELINE)
    if model is None:
        return None
    return _grad_cam_of(scene, model, answer(model.classify(scene.features)).logits)


def _grad_cam_of(scene: Scene, model: FeatureClassifier, logits: Tensor) -> Tensor:
    _need_captum()
    from captum.attr import LayerGradCam

    with torch.inference_mode(False), torch.enable_grad():
        features = scene.features.clone().requires_grad_()
        tapped = _Tapped(model)
        # before the ReLU, which would tie
        attribution = LayerGradCam(tapped, tapped.tap).attribute(
            features, target=_predicted(logits), relu_attributions=False
        )
    return _to_tokens(attribution, scene, mean=True)


def _integrated_gradients(scene: Scene) -> Tensor:
    _need_captum()
    from captum.attr import IntegratedGradients

    with torch.inference_mode(False), torch.enable_grad():
        features = scene.features.clone()
        attribution = IntegratedGradients(lambda x: answer(scene.model.classify(x)).logits).attribute(
            features,
            target=_predicted(scene.output.logits),
            n_steps=_STEPS,
            internal_batch_size=4 * len(features),
        )
    return _to_tokens(attribution.sum(1, keepdim=True), scene, mean=False)


def _predicted(logits: Tensor) -> Tensor:
    return logits.argmax(1).clone()  # a tensor of inference mode could not be saved for a backward pass


def _to_tokens(maps: Tensor, scene: Scene, mean: bool) -> Tensor:
    """``(B, 1, h, w)`` to ``(B, N)``, the mean or the sum over a token's positions."""
    patch = scene.model.patch_size

    def total(values: Tensor) -> Tensor:
        h, w = values.shape[2:]
        return F.avg_pool2d(F.pad(values, (0, -w % patch, 0, -h % patch)), patch) * patch**2

    maps = maps.detach().float()
    pooled = total(maps) / total(torch.ones_like(maps[:1])) if mean else total(maps)
    return pooled.flatten(1)


def _need_captum() -> None:
    try:
        import captum.attr  # noqa: F401
    except ImportError as error:
        raise UserError(
            "rankings by Grad-CAM and integrated gradients need captum: pip install 'ersm_lab[explain]'"
        ) from error


grad_cam = Ranking("Grad-CAM", _grad_cam, positive)
"""Grad-CAM of the model itself. Source: Selvaraju et al."""
grad_cam_baseline = Ranking("Grad-CAM (baseline)", _grad_cam_baseline, positive, needs=BASELINE)
"""Grad-CAM of the paper's baseline on the same features."""
integrated_gradients = Ranking("integrated gradients", _integrated_gradients, positive)
"""Integrated gradients from zero features, summed over a token. Source: Sundararajan et al."""
