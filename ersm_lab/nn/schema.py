"""Configuration of what papers share (no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ersm_lab.core.settings import Settings, setting
from ersm_lab.nn.schedules import SHAPES


@dataclass
class TimmConfig(Settings):
    """A timm network and its weights, from at most one of ``pretrained``, ``checkpoint``, ``from_experiment``."""

    name: str = setting("resnet18", "any timm model that supports features_only")
    pretrained: bool = setting(False, "timm's weights from the hub (needs the network once)")
    checkpoint: str | None = setting(
        None, "a local file: a timm state dict, or a checkpoint of one of our runs", changes_result=False
    )
    from_experiment: str | None = setting(
        None,
        "an experiment whose run supplies the weights; it is run first when no finished run of it exists",
        changes_result=False,
    )
    from_overrides: list[str] = setting([], "overrides for that experiment", changes_result=False)
    kwargs: dict[str, Any] = setting({}, "further keywords for timm.create_model")

    @staticmethod
    def check(node: TimmConfig) -> str | None:
        given = [name for name in ("pretrained", "checkpoint", "from_experiment") if getattr(node, name)]
        if len(given) > 1:
            return f"takes its weights from one source, not from {' and '.join(given)}"
        return None


@dataclass
class BackboneConfig(TimmConfig):
    """A timm feature extractor, cut at one stage."""

    out_index: int = setting(-1, "which stage's features; negative counts from the last")
    small_stem: bool = setting(
        False, "ResNets only: a 3x3 stride-1 stem without pooling, for images of about 32x32"
    )


@dataclass
class ScheduleConfig(Settings):
    """The learning rate over the optimizer's steps, as a factor of ``optimizer.lr``."""

    name: str = setting("cosine", "shape after the warm-up", choices=tuple(SHAPES))
    warmup: float = setting(0.0, "share of all steps spent on a linear warm-up", ge=0, lt=1)
    final: float = setting(0.0, "the factor reached at the last step", ge=0, le=1)
    power: float = setting(0.9, "exponent of the poly schedule", gt=0)


@dataclass
class OptimizerConfig(Settings):
    """A torch optimizer by its import path; its keywords are checked against its signature."""

    _target_: str = setting("torch.optim.AdamW", "an optimizer of torch.optim")
    lr: float = setting(1e-3, "learning rate of the ordinary parameters", gt=0)
    weight_decay: float = setting(1e-4, "decoupled for AdamW; not applied to biases and norms", ge=0)
    kwargs: dict[str, Any] = setting({}, "further keywords, such as momentum or betas")
    schedule: ScheduleConfig = setting(ScheduleConfig)
