"""The parts that every configuration has, whatever the paper: what models, data, evaluations and trackers have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from ersm_lab.core.plugins import merged, registered
from ersm_lab.core.settings import Settings, setting

TRACKERS = ("wandb", "tensorboard", "csv")


@dataclass
class ModelConfig(Settings):
    """A LightningModule and its keywords. A paper's model schemas derive from it."""

    _target_: str = setting(MISSING, "the LightningModule's class")
    variant: str = setting(
        MISSING, "the name under which dashboards and tables group this arm", changes_result=False
    )


@dataclass
class DataConfig(Settings):
    """A data module and its keywords."""

    _target_: str = setting(MISSING, "the data module's class")
    name: str = setting(MISSING, "for people and dashboards", changes_result=False)
    layout: str = setting(MISSING, "how the files lie", choices=lambda: sorted(merged("layouts")))
    root: str = setting(MISSING, "the folder (or archive) that holds it", changes_result=False)
    options: dict[str, Any] = setting({}, "of the layout")
    batch_size: int = setting(32, "items per optimizer micro-batch and device", ge=1)
    eval_batch_size: int | None = setting(
        None, "in validation and test; null: the data module decides", ge=1, changes_result=False
    )
    num_workers: int = setting(0, "loader processes; 0: in the main process", ge=0, changes_result=False)


@dataclass
class EvaluationConfig(Settings):
    """What is measured on a finished training, and later with `ersm-lab evaluate`. A suite's settings derive from it."""

    name: str = setting("classification", "names the folder of the evaluation")
    suite: str = setting("classification", "what is measured", choices=registered("suites"))
    split: str = setting("test", "which split is read", choices=("val", "test"))
    checkpoint: str = setting("best", "which checkpoint is read", choices=("best", "last"))
    panels: int = setting(6, "images in the panel figure; 0: none", ge=0, le=64)


@dataclass
class LoggerConfig(Settings):
    """A tracker besides the run directory, which always holds everything."""

    name: str = setting("wandb", "the tracker", choices=TRACKERS)
