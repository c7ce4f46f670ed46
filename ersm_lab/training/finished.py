"""Finished runs, made ready to be evaluated: their configuration under today's overrides, their data and their model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytorch_lightning as pl

from ersm_lab.config.schema import PathsConfig, RunConfig
from ersm_lab.config.typed import typed_config
from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import DataModule
from ersm_lab.core.schema import ModelConfig
from ersm_lab.core.settings import Settings
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.training.build import build_data, build_model
from ersm_lab.training.checkpoint_io import load_checkpoint
from ersm_lab.training.data_flow import Flow

SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True)
class LoadedRun:
    """A finished run, its configuration for this evaluation, its loaders, and its model with the weights of a checkpoint."""

    run: RunDirectory
    config: RunConfig
    flow: Flow
    model: pl.LightningModule

    @property
    def arm(self) -> str:
        """The variant that it is a repetition of; its experiment where the model names none."""
        return self.config.model.variant or self.run.record.experiment


def load_runs(runs: Sequence[RunDirectory], configs: Sequence[RunConfig], checkpoint: str) -> list[LoadedRun]:
    """The runs under these configurations, with the weights of ``checkpoint`` (``best`` or ``last``).

    Data that several runs have in common are built once.
    """
    built: dict[str, DataModule] = {}
    loaded = []
    for run, config in zip(runs, configs, strict=True):
        key = repr(config.data)
        if key not in built:
            built[key] = build_data(config)
        model = load_model(run, config, built[key], checkpoint)
        loaded.append(LoadedRun(run, config, Flow(config, built[key], model, train=False), model))
    return loaded


def load_model(run: RunDirectory, config: RunConfig, data: DataModule, checkpoint: str) -> pl.LightningModule:
    """The model of a run with the weights of its ``checkpoint``, in eval mode."""
    model = build_model(config, data)
    load_checkpoint(model, run.checkpoints / f"{checkpoint}.ckpt")
    return model.eval()


def config_of(run: RunDirectory, paths: PathsConfig) -> RunConfig:
    """A run's configuration, with the folders of today and without the source of its backbone's weights."""
    config = typed_config(run.config, str(run.path / "config.yaml"))
    return replace(config, paths=paths, model=_with_own_weights(config.model))


def evaluation_config(run: RunDirectory, composed: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """A finished run's configuration as an evaluation needs it.

    Parameters
    ----------
    run: what is evaluated.
    composed: a configuration composed under ``overrides``, from which everything that they touch is taken: its evaluation
        as a whole where they choose one, single keys otherwise, on top of the run's own.
    overrides: of the groups ``evaluation``, ``trainer``, ``data`` and ``logger``, and of ``paths.data``, where data have moved.
    """
    if run.status != "finished":
        raise UserError(f"{run.path} is {run.status}; only a finished run can be evaluated")
    config = config_of(run, composed.paths)
    chosen = any(word.startswith("evaluation=") for word in overrides)
    if chosen:
        config = replace(config, evaluation=composed.evaluation)
    for word in overrides:
        group, *keys = word.lstrip("+~").partition("=")[0].split(".")
        if group == "evaluation" and keys and not chosen:
            config = replace(config, evaluation=_taken(config.evaluation, composed.evaluation, keys, word))
        elif group == "trainer":
            config = replace(config, trainer=_taken(config.trainer, composed.trainer, keys, word))
        elif group == "data":
            config = replace(config, data=_taken(config.data, composed.data, keys, word))
        elif group == "logger":
            config = replace(config, logger=composed.logger)
        elif (group, keys) == ("paths", ["data"]):
            config = replace(config, data=replace(config.data, root=_moved(run, composed.paths.data)))
    return config


def _taken(own: SettingsT, other: Settings, keys: Sequence[str], word: str) -> SettingsT:
    """``own`` with the value of ``other`` at the path ``keys``, which ``word`` has changed."""
    key, *rest = keys
    if not hasattr(own, key) or not hasattr(other, key):
        raise UserError(f"'{word}': the run's own settings have no {key!r}")
    mine, new = getattr(own, key), getattr(other, key)
    if rest and isinstance(mine, Settings) and isinstance(new, Settings):
        new = _taken(mine, new, rest, word)
    changes: dict[str, Any] = {key: new}
    return replace(own, **changes)  # type: ignore[type-var]  # every class of settings is a dataclass


def _moved(run: RunDirectory, folder: str) -> str:
    """The root of the run's data where all data have moved to ``folder``; one that lay elsewhere stays."""
    before = typed_config(run.config, str(run.path / "config.yaml"))
    root, data = Path(before.data.root), Path(before.paths.data)
    return str(Path(folder) / root.relative_to(data)) if root.is_relative_to(data) else str(root)


def _with_own_weights(model: ModelConfig) -> ModelConfig:
    """A checkpoint holds the backbone too: where its weights once came from no longer matters."""
    backbone = getattr(model, "backbone", None)
    if not isinstance(backbone, Settings):
        return model
    own: dict[str, Any] = {"checkpoint": None, "pretrained": False, "from_experiment": None}
    known = {name: value for name, value in own.items() if hasattr(backbone, name)}
    changes: dict[str, Any] = {"backbone": replace(backbone, **known)}  # type: ignore[type-var]
    return replace(model, **changes)
