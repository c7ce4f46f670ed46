"""Data module, model and Lightning trainer from a resolved configuration."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    TQDMProgressBar,
    WeightAveraging,
)

from ersm_lab.config.targets import build, check_keywords, resolve
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain
from ersm_lab.nn.ema import ema_rule
from ersm_lab.training.callbacks import FiniteLoss, PlainProgress, Reproducible
from ersm_lab.training.checkpoint_io import AtomicCheckpointIO

Config = Mapping[str, Any]


def check_targets(config: Config) -> None:
    """Checks every library class that the configuration names, and its keywords, before anything is built or read."""
    optimizer = config["optimizer"]
    kind = resolve(optimizer["_target_"], "optimizer.")
    check_keywords(kind, optimizer["kwargs"], "optimizer.kwargs.")
    for name, node in config["callbacks"]["extra"].items():
        where = f"callbacks.extra.{name}."
        if not isinstance(node, Mapping) or "_target_" not in node:
            raise UserError(
                f"'{where.rstrip('.')}' needs a _target_, such as pytorch_lightning.callbacks.Timer"
            )
        check_keywords(
            resolve(node["_target_"], where), {k: v for k, v in node.items() if k != "_target_"}, where
        )


def build_data(config: Config) -> Any:
    """The data module, set up: splits are read, generated data exist."""
    settings = {key: value for key, value in config["data"].items() if key != "name"}
    data = build(settings, "data.", seed=config["seed"])
    data.setup()
    return data


def build_model(config: Config, data: Any) -> pl.LightningModule:
    """The LightningModule of the ``model`` group, with what ``data`` says that a model of it must know."""
    given = data.model_settings()
    takes = inspect.signature(resolve(str(config["model"]["_target_"]), "model.")).parameters
    if ("num_classes" in takes) != ("num_classes" in given):
        kinds = "has no labels" if "num_classes" in takes else "is for classifiers"
        fitting = "labelled data" if "num_classes" in takes else "data=photographs, structures or folder"
        raise UserError(
            f"data={config['data']['name']} {kinds}, but model {config['model']['variant']} learns from {fitting}"
        )
    model: Any = build(config["model"], "model.", **given, optimizer=plain(config["optimizer"]))
    if config["trainer"]["channels_last"]:
        model = model.to(memory_format=torch.channels_last)
    if config["trainer"]["compile"]:
        model.compile_parts()
    built: pl.LightningModule = model
    return built


def device_of(config: Config) -> torch.device:
    """The device on which a single process evaluates."""
    accelerator = config["trainer"]["accelerator"]
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


def gpu_record() -> dict[str, Any] | None:
    """Name, memory and peak use of the CUDA device, for ``run.json``; None without one."""
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
    config: Config, checkpoints: Path, loggers: Sequence[Any], callbacks: Sequence[Callback]
) -> pl.Trainer:
    """The Lightning trainer that every paper shares."""
    t = config["trainer"]
    device = device_of(config)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = bool(t["tf32"])
    interactive = sys.stdout.isatty() if t["progress"] == "auto" else t["progress"] == "bar"
    return pl.Trainer(
        accelerator={"cuda": "gpu"}.get(device.type, device.type),
        devices=t["devices"],
        num_nodes=t["num_nodes"],
        strategy=t["strategy"],
        precision=t["precision"],
        max_epochs=t["max_epochs"] if t["max_steps"] is None else -1,
        max_steps=-1 if t["max_steps"] is None else t["max_steps"],
        accumulate_grad_batches=t["accumulate"],
        gradient_clip_val=t["clip_norm"],
        deterministic=t["deterministic"] or None,
        check_val_every_n_epoch=t["check_val_every"],
        log_every_n_steps=t["log_every"],
        limit_train_batches=t["limit_train_batches"],
        limit_val_batches=t["limit_eval_batches"],
        use_distributed_sampler=False,  # the data module's samplers know their rank
        num_sanity_val_steps=0,
        logger=list(loggers),
        callbacks=[*_callbacks(config, checkpoints, interactive), *callbacks],
        plugins=[AtomicCheckpointIO()],
        enable_progress_bar=interactive,
        enable_model_summary=False,
        default_root_dir=checkpoints.parent,
    )


def _callbacks(config: Config, checkpoints: Path, interactive: bool) -> list[Callback]:
    t, c = config["trainer"], config["callbacks"]
    found: list[Callback] = [FiniteLoss(t["log_every"]), Reproducible(config["seed"])]
    if t["ema_decay"] is not None:
        found.append(WeightAveraging(use_buffers=True, multi_avg_fn=ema_rule(t["ema_decay"])))
    if interactive:
        found.append(TQDMProgressBar(refresh_rate=10))
    elif t["progress"] != "none":
        found.append(PlainProgress())
    if c["patience"] is not None:
        found.append(
            EarlyStopping(c["checkpoint"]["monitor"], patience=c["patience"], mode=c["checkpoint"]["mode"])
        )
    found += [build(node, f"callbacks.extra.{name}.") for name, node in c["extra"].items()]
    best = {"monitor": c["checkpoint"]["monitor"], "mode": c["checkpoint"]["mode"], "filename": "best"}
    # `last` has callbacks of its own: Lightning's save_last writes only when `best` does, and a resume would lose epochs
    last: list[dict[str, Any]] = [{"filename": "last", "every_n_epochs": 1, "save_on_train_epoch_end": True}]
    if t["checkpoint_every_steps"] is not None:
        last.append({"filename": "last", "every_n_train_steps": t["checkpoint_every_steps"]})
    for settings in (best, *last):
        found.append(ModelCheckpoint(dirpath=checkpoints, enable_version_counter=False, **settings))
    return found
