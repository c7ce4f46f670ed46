"""How important each token is, by every ranking that the deletion protocol compares. High is important.

Shapes: features ``(B, C, h, w)``, importance ``(B, N)`` for tokens of ``p x p`` positions in raster order.
Attributions come from captum (extra ``explain``) and are taken at the features, where tokens live; the class that they
explain is the predicted one, as no label is known when a model is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ersm_lab.core.errors import UserError


@dataclass(frozen=True)
class Scene:
    """What a ranking may look at: one batch under one model.

    ``output`` is the model's own for ``features``; ``index (B,)`` the images' places in their split; ``others`` models of
    the same features by role (``baseline``, ``position_only``).
    """

    model: Any
    features: Tensor
    output: Any
    index: Tensor
    others: Mapping[str, Any]

    @property
    def grid(self) -> tuple[int, int]:
        rows, columns = self.model.grid_size
        return int(rows), int(columns)


def energy(scene: Scene) -> Tensor | None:
    """``-z``: a low score is kept. None for a model without a mask."""
    return None if scene.output.mask is None else -scene.output.mask.logit.float()


def total_energy(scene: Scene) -> Tensor | None:
    """``-E_i``, the whole energy of a token: another ranking than ``energy``. None for a model without a mask."""
    return None if scene.output.mask is None else -scene.output.mask.energy.float()


def magnitude(scene: Scene) -> Tensor:
    """``|t_i|``."""
    norms: Tensor = scene.model.tokens(scene.features).float().norm(dim=2)
    return norms


def grad_cam(scene: Scene) -> Tensor:
    """Grad-CAM of the model itself, before the ReLU, which would tie. Source: Selvaraju et al., through captum."""
    return _grad_cam(scene, scene.model)


def grad_cam_baseline(scene: Scene) -> Tensor | None:
    """Grad-CAM of the plain classifier on the same features. None where no baseline was given."""
    return _grad_cam(scene, scene.others["baseline"]) if "baseline" in scene.others else None


def integrated_gradients(scene: Scene, steps: int = 32) -> Tensor:
    """Integrated gradients from zero features, summed over a token. Source: Sundararajan et al., through captum."""
    _need_captum()
    from captum.attr import IntegratedGradients

    with torch.inference_mode(False), torch.enable_grad():
        features = scene.features.clone()
        attribution = IntegratedGradients(lambda x: scene.model.classify(x).logits).attribute(
            features, target=_predicted(scene.output), n_steps=steps, internal_batch_size=4 * len(features)
        )
    return _to_tokens(attribution.sum(1, keepdim=True), scene, mean=False)


def centre(scene: Scene) -> Tensor:
    """Minus the distance from the grid's centre: what a photographer's habit would keep."""
    rows, columns = scene.grid
    y = torch.arange(rows, device=scene.features.device) - (rows - 1) / 2
    x = torch.arange(columns, device=scene.features.device) - (columns - 1) / 2
    return -torch.hypot(y[:, None], x).flatten().expand(len(scene.features), -1)


def position_only(scene: Scene) -> Tensor | None:
    """The mask of the position-only control. None where no such model was given."""
    if "position_only" not in scene.others:
        return None
    return -scene.others["position_only"].classify(scene.features).mask.logit.float()


def random(scene: Scene, draw: int = 0) -> Tensor:
    """Uniform noise that depends on the image's place in its split and on ``draw`` alone."""
    count = math.prod(scene.grid)
    rows = []
    for index in scene.index.tolist():
        generator = torch.Generator().manual_seed(1_000_003 * (draw + 1) + int(index))
        rows.append(torch.rand(count, generator=generator))
    return torch.stack(rows).to(scene.features.device)


RANKINGS: dict[str, Callable[[Scene], Tensor | None]] = {
    "energy": energy,
    "total_energy": total_energy,
    "magnitude": magnitude,
    "grad_cam": grad_cam,
    "grad_cam_baseline": grad_cam_baseline,
    "integrated_gradients": integrated_gradients,
    "centre": centre,
    "position_only": position_only,
    "random": random,
}


@torch.no_grad()
def importances(names: Sequence[str], scene: Scene) -> dict[str, Tensor]:
    """The named rankings that this scene has, ``(B, N)`` each."""
    found = {name: RANKINGS[name](scene) for name in names}
    return {name: value for name, value in found.items() if value is not None}


class _Tapped(nn.Module):
    """Features to logits with a layer in front on which captum can hook."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.tap = nn.Identity()
        self.classify = model.classify

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.tap(features)).logits
        return logits


def _grad_cam(scene: Scene, model: Any) -> Tensor:
    _need_captum()
    from captum.attr import LayerGradCam

    with torch.inference_mode(False), torch.enable_grad():
        features = scene.features.clone().requires_grad_()
        tapped = _Tapped(model)
        target = _predicted(scene.output if model is scene.model else model.classify(features))
        attribution = LayerGradCam(tapped, tapped.tap).attribute(
            features, target=target, relu_attributions=False
        )
    return _to_tokens(attribution, scene, mean=True)


def _predicted(output: Any) -> Tensor:
    predicted: Tensor = output.logits.argmax(1).clone()
    return predicted


def _to_tokens(maps: Tensor, scene: Scene, mean: bool) -> Tensor:
    """``(B, 1, h, w)`` -> ``(B, N)``, the mean or the sum over a token's positions."""
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
