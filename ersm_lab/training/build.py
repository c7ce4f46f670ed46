"""Data module, model and Lightning trainer from a run's configuration."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypedDict, runtime_checkable

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    TQDMProgressBar,
    WeightAveraging,
)
from pytorch_lightning.loggers import Logger

from ersm_lab.config.schema import RunConfig
from ersm_lab.config.targets import build, check_keywords, required, resolve
from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Compilable, DataModule
from ersm_lab.core.settings import plain
from ersm_lab.nn.ema import ema_rule
from ersm_lab.training.callbacks import FiniteLoss, PlainProgress, Reproducible
from ersm_lab.training.checkpoint_io import AtomicCheckpointIO


class Gpu(TypedDict):
    """The CUDA device of a run: its name, its memory, and the most that the run held of it, in GiB."""

    name: str
    memory_gib: float
    peak_gib: float


@runtime_checkable
class CountsWeights(Protocol):
    """A model that keeps weights outside of torch, and says how many."""

    @property
    def weight_count(self) -> int: ...


def check_targets(config: RunConfig) -> None:
    """Checks every library class that the configuration names, and its keywords, before anything is built or read."""
    kind = resolve(config.optimizer._target_, "optimizer.")
    check_keywords(kind, config.optimizer.kwargs, "optimizer.kwargs.")
    for name, node in config.callbacks.extra.items():
        where = f"callbacks.extra.{name}"
        if not isinstance(node, Mapping) or "_target_" not in node:
            raise UserError(f"'{where}' needs a _target_, such as pytorch_lightning.callbacks.Timer")
        keywords = {key: value for key, value in node.items() if key != "_target_"}
        check_keywords(resolve(node["_target_"], f"{where}."), keywords, f"{where}.")


def build_data(config: RunConfig) -> DataModule:
    """The data module, set up: splits are read, generated data exist."""
    settings = plain(config.data)
    del settings["name"]  # for people
    data: DataModule = build(settings, "data.", seed=config.seed)
    data.setup()
    return data


def build_model(config: RunConfig, data: DataModule) -> pl.LightningModule:
    """The LightningModule of the ``model`` group, with what it takes of what ``data`` says of itself.

    Raises ``UserError`` where the model needs labels and the data have none.
    """
    given = data.model_settings()
    if "num_classes" in required(resolve(config.model._target_, "model.")) and "num_classes" not in given:
        raise UserError(
            f"data={config.data.name} has no labels, but model {config.model.variant} learns from data with labels; "
            "`ersm-lab list data` shows the data"
        )
    model: pl.LightningModule = build(
        plain(config.model), "model.", **given, optimizer=plain(config.optimizer)
    )
    if config.trainer.channels_last:
        model = model.to(memory_format=torch.channels_last)
    if config.trainer.compile:
        if not isinstance(model, Compilable):
            raise UserError(
                f"trainer.compile=true, but {type(model).__name__} has no compile_parts(): leave it off"
            )
        model.compile_parts()
    return model


def weight_count(model: pl.LightningModule) -> int:
    """How many numbers the model learns."""
    if isinstance(model, CountsWeights):
        return model.weight_count
    return sum(parameter.numel() for parameter in model.parameters())


def device_of(accelerator: str) -> torch.device:
    """The device of a single process, for a value of ``trainer.accelerator``."""
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if accelerator == "gpu" and not cuda:
        raise UserError(
            "trainer.accelerator is 'gpu', but torch sees no CUDA device; use trainer=cpu or trainer=auto"
        )
    if accelerator == "mps" and not mps:
        raise UserError(
            "trainer.accelerator is 'mps', but this machine has none; use trainer=cpu or trainer=auto"
        )
    if accelerator in ("gpu", "auto") and cuda:
        return torch.device("cuda")
    return torch.device("mps") if accelerator in ("mps", "auto") and mps else torch.device("cpu")


def gpu_record() -> Gpu | None:
    """The CUDA device, for ``run.json``; None without one."""
    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(0)
    peak = torch.cuda.max_memory_allocated() / 2**30
    return {
        "name": properties.name,
        "memory_gib": round(properties.total_memory / 2**30, 1),
        "peak_gib": round(peak, 3),
    }


def build_trainer(
    config: RunConfig, checkpoints: Path, loggers: Sequence[Logger], callbacks: Sequence[Callback]
) -> pl.Trainer:
    """The Lightning trainer that every paper shares."""
    settings = config.trainer
    device = device_of(settings.accelerator)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = settings.tf32
    interactive = sys.stdout.isatty() if settings.progress == "auto" else settings.progress == "bar"
    return pl.Trainer(
        accelerator={"cuda": "gpu"}.get(device.type, device.type),
        devices=settings.devices,
        num_nodes=settings.num_nodes,
        strategy=settings.strategy,
        precision=settings.precision,  # type: ignore[arg-type]  # one of the literals: the schema's choices
        max_epochs=settings.max_epochs if settings.max_steps is None else -1,
        max_steps=-1 if settings.max_steps is None else settings.max_steps,
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=settings.clip_norm,
        deterministic=settings.deterministic or None,
        check_val_every_n_epoch=settings.check_val_every,
        log_every_n_steps=settings.log_every,
        limit_train_batches=settings.limit_train_batches,
        limit_val_batches=settings.limit_eval_batches,
        use_distributed_sampler=False,  # the data module's samplers know their rank
        num_sanity_val_steps=0,
        logger=list(loggers),
        callbacks=[
            *_watching(config, interactive),
            *_extra(config),
            *_checkpointing(config, checkpoints),
            *callbacks,
        ],
        plugins=[AtomicCheckpointIO()],
        enable_progress_bar=interactive,
        enable_model_summary=False,
        default_root_dir=checkpoints.parent,
    )


def _watching(config: RunConfig, interactive: bool) -> list[Callback]:
    settings, watched = config.trainer, config.callbacks
    found: list[Callback] = [FiniteLoss(settings.log_every), Reproducible(config.seed)]
    if settings.ema_decay is not None:
        found.append(WeightAveraging(use_buffers=True, multi_avg_fn=ema_rule(settings.ema_decay)))
    if interactive:
        found.append(TQDMProgressBar(refresh_rate=10))
    elif settings.progress != "none":
        found.append(PlainProgress())
    if watched.patience is not None:
        best = watched.checkpoint
        found.append(EarlyStopping(best.monitor, patience=watched.patience, mode=best.mode))
    return found


def _extra(config: RunConfig) -> list[Callback]:
    """Further callbacks of the libraries, as the configuration names them."""
    return [build(node, f"callbacks.extra.{name}.") for name, node in config.callbacks.extra.items()]


def _checkpointing(config: RunConfig, folder: Path) -> list[Callback]:
    """``best.ckpt`` and ``last.ckpt``.

    ``last`` has callbacks of its own: Lightning's ``save_last`` writes only when ``best`` does, and a resumed run would
    lose epochs.
    """
    best, steps = config.callbacks.checkpoint, config.trainer.checkpoint_every_steps
    common: dict[str, Any] = {"dirpath": folder, "enable_version_counter": False}
    found: list[Callback] = [
        ModelCheckpoint(monitor=best.monitor, mode=best.mode, filename="best", **common),
        ModelCheckpoint(filename="last", every_n_epochs=1, save_on_train_epoch_end=True, **common),
    ]
    if steps is not None:
        found.append(ModelCheckpoint(filename="last", every_n_train_steps=steps, **common))
    return found
