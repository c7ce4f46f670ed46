"""Optimizers with parameter groups, and learning-rate schedules as plain functions of the step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

Factor = Callable[[int], float]


def schedule_factor(
    name: str, total: int, warmup: float = 0.0, final: float = 0.0, power: float = 0.9
) -> Factor:
    """The learning rate at step ``s`` in ``0..total`` as a factor of the base rate.

    A linear warm-up over ``round(warmup * total)`` steps (the first step already moves), then ``constant``, ``cosine``
    (half a period from 1 to ``final``) or ``poly`` (``(1 - t) ** power``, from 1 to ``final``).
    """
    warm = round(warmup * total)

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / (warm + 1)
        t = min(1.0, (step - warm) / max(1, total - warm))
        shape = {"constant": 1.0, "cosine": 0.5 * (1 + math.cos(math.pi * t)), "poly": (1 - t) ** power}[name]
        return shape if name == "constant" else final + (1 - final) * shape

    return factor


def parameter_groups(module: nn.Module, lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: biases and normalisation layers do not decay (timm's custom)."""
    decay: list[nn.Parameter] = []
    keep: list[nn.Parameter] = []
    for child in module.modules():
        for name, parameter in child.named_parameters(recurse=False):
            if parameter.requires_grad:
                is_norm = "norm" in type(child).__name__.lower()
                (keep if name == "bias" or is_norm else decay).append(parameter)
    groups = [
        {"params": decay, "lr": lr, "weight_decay": weight_decay},
        {"params": keep, "lr": lr, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def build_optimizer(
    groups: Iterable[dict[str, Any]], config: Mapping[str, Any], total_steps: int
) -> dict[str, Any]:
    """What ``LightningModule.configure_optimizers`` returns: optimizer and per-step schedule.

    Parameters
    ----------
    groups: as of ``parameter_groups``.
    config: the ``optimizer`` group: ``_target_``, ``lr``, ``weight_decay``, ``kwargs``, ``schedule``.
    total_steps: optimizer steps of the whole training.
    """
    module, _, name = str(config["_target_"]).rpartition(".")
    target: Callable[..., Optimizer] = getattr(import_module(module), name)
    optimizer = target(
        list(groups), lr=config["lr"], weight_decay=config["weight_decay"], **config.get("kwargs", {})
    )
    factor = schedule_factor(total=total_steps, **config["schedule"])
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": LambdaLR(optimizer, factor), "interval": "step"},
    }
