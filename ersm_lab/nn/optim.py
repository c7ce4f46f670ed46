"""Optimizers with parameter groups and a learning rate for every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import TypedDict

from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from ersm_lab.nn.schedules import schedule_factor
from ersm_lab.nn.schema import OptimizerConfig


class ParameterGroup(TypedDict):
    """What torch's optimizers take: parameters with a learning rate and a weight decay of their own."""

    params: list[nn.Parameter]
    lr: float
    weight_decay: float


def parameter_groups(module: nn.Module, lr: float, weight_decay: float) -> list[ParameterGroup]:
    """Trainable parameters in two groups: biases and normalisation layers do not decay (timm's custom)."""
    decay: list[nn.Parameter] = []
    keep: list[nn.Parameter] = []
    for child in module.modules():
        for name, parameter in child.named_parameters(recurse=False):
            if parameter.requires_grad:
                is_norm = "norm" in type(child).__name__.lower()
                (keep if name == "bias" or is_norm else decay).append(parameter)
    groups: list[ParameterGroup] = [
        {"params": decay, "lr": lr, "weight_decay": weight_decay},
        {"params": keep, "lr": lr, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def build_optimizer(
    groups: Iterable[ParameterGroup], config: OptimizerConfig | Mapping[str, object], total_steps: int
) -> OptimizerLRSchedulerConfig:
    """What ``LightningModule.configure_optimizers`` returns: optimizer and per-step schedule.

    Parameters
    ----------
    groups: as of ``parameter_groups``.
    config: the ``optimizer`` group of the configuration, or a plain mapping of it.
    total_steps: optimizer steps of the whole training.
    """
    settings = OptimizerConfig.of(config)
    module, _, name = settings._target_.rpartition(".")
    target: Callable[..., Optimizer] = getattr(import_module(module), name)
    optimizer = target(list(groups), lr=settings.lr, weight_decay=settings.weight_decay, **settings.kwargs)
    shape = settings.schedule
    factor = schedule_factor(shape.name, total_steps, shape.warmup, shape.final, shape.power)
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": LambdaLR(optimizer, factor), "interval": "step"},
    }
