"""How important each token is: what the deletion protocol and localisation compare. High is important.

Plug-ins name their rankings (``Plugin.rankings``), each a ``Ranking`` of this module's kind; here are those that any classifier
of tokens has. Shapes: features ``(B, C, h, w)``, importance ``(B, N)`` for tokens of ``p x p`` positions in raster order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ersm_lab.core.plugins import load, merged
from ersm_lab.evaluation.classifiers.scene import Scene

RANDOM = "random"  # drawn several times, and what every other ranking has to beat
BASELINE = (
    "baseline"  # the role of a run whose variant is one of the baselines that its paper's plug-in names
)


def shifted(score: Tensor) -> Tensor:
    """Scores of each image moved so that none is negative."""
    return score - score.amin(1, keepdim=True).clamp_max(0)


@dataclass(frozen=True)
class Ranking:
    """A way to say how important each token is.

    Attributes
    ----------
    title: for figures.
    score: a scene to importance ``(B, N)``; None for a model that has no such ranking.
    saliency: importance as a saliency ``(B, N)`` that is not negative, for the share of it that lies on an object.
    needs: the role of another model that it looks at, in ``Scene.others``.
    """

    title: str
    score: Callable[[Scene], Tensor | None]
    saliency: Callable[[Tensor], Tensor] = shifted
    needs: str | None = None


def find(name: str) -> Ranking:
    """The ranking of this name, whichever plug-in has it; a plain function counts as its ``score``."""
    found = load(merged("rankings")[name])
    return found if isinstance(found, Ranking) else Ranking(title_of(name), found)


def title_of(name: str) -> str:
    """How figures call a ranking; one that no plug-in has today goes by its name."""
    target = merged("rankings").get(name)
    found = load(target) if target is not None else None
    return found.title if isinstance(found, Ranking) else name.replace("_", " ")


def roles(names: Iterable[str]) -> list[str]:
    """The other models that these rankings look at."""
    return list(dict.fromkeys(role for name in names if (role := find(name).needs) is not None))


@torch.no_grad()
def importances(names: Sequence[str], scene: Scene) -> dict[str, Tensor]:
    """The named rankings that this scene has, ``(B, N)`` each."""
    found = {name: find(name).score(scene) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def draw(scene: Scene, number: int = 0) -> Tensor:
    """Uniform noise ``(B, N)`` that depends on the image's place in its split and on ``number`` alone."""
    count = math.prod(scene.grid)
    rows = []
    for index in scene.index.tolist():
        generator = torch.Generator().manual_seed(1_000_003 * (number + 1) + int(index))
        rows.append(torch.rand(count, generator=generator))
    return torch.stack(rows).to(scene.features.device)


def _magnitude(scene: Scene) -> Tensor:
    norms: Tensor = scene.model.tokens(scene.features).float().norm(dim=2)
    return norms


def _centre(scene: Scene) -> Tensor:
    rows, columns = scene.grid
    y = torch.arange(rows, device=scene.features.device) - (rows - 1) / 2
    x = torch.arange(columns, device=scene.features.device) - (columns - 1) / 2
    return -torch.hypot(y[:, None], x).flatten().expand(len(scene.features), -1)


magnitude = Ranking("magnitude", _magnitude)
"""``|t_i|``."""
centre = Ranking("centre", _centre)
"""Minus the distance from the grid's centre: what a photographer's habit would keep."""
random = Ranking("random", draw)
