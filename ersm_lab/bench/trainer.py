"""The shared trainer, as shipped, against a bare PyTorch loop on the same step.

The step keeps the processor busy for a stated time, so that what differs is what the trainer adds: loops and callbacks,
metrics, ``metrics.csv``, the progress bar or lines, and checkpoints.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from ersm_lab.bench.table import Row
from ersm_lab.config.composer import compose_experiment
from ersm_lab.nn.logging import log_step
from ersm_lab.tracking.metrics_file import MetricsFile
from ersm_lab.training.build import build_trainer


def run(
    steps_of: tuple[tuple[float, int, float], ...] = ((0.020, 400, 1.08), (0.060, 150, 1.03)),
) -> list[Row]:
    """A row per step length ``(seconds, steps, largest ratio of costs)``; the ratio shown is bare over ours."""
    rows = []
    for seconds, steps, limit in steps_of:
        bare, ours = (
            min(_bare(seconds, steps) for _ in range(2)),
            min(_shared(seconds, steps) for _ in range(2)),
        )
        note = f"an epoch of {steps} steps with its validation and checkpoint; ours costs {100 * (ours / bare - 1):+.1f} %, goal {100 * (limit - 1):.0f} %"
        rows.append(
            Row(
                f"step of {seconds * 1e3:.0f} ms",
                1e3 * ours,
                1e3 * bare,
                "ms/step",
                round(1 / limit, 4),
                note,
            )
        )
    return rows


class _Busy(pl.LightningModule):
    """A linear layer whose step takes at least ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.layer, self.seconds = nn.Linear(16, 4), seconds

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        end = time.perf_counter() + self.seconds
        loss = nn.functional.cross_entropy(self.layer(x), y)
        while time.perf_counter() < end:
            pass
        return loss

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss, x = self.loss(*batch), batch[0]
        values = {name: loss.detach() for name in ("train/loss", "train/cross_entropy", "train/regularizer")}
        log_step(self, values, len(x))
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("val/accuracy", 0.5)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters())


def _loader(steps: int) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(
        TensorDataset(torch.randn(steps * 4, 16), torch.randint(0, 4, (steps * 4,))), batch_size=4
    )


def _bare(seconds: float, steps: int) -> float:
    model, loader = _Busy(seconds), _loader(steps)
    optimizer = torch.optim.AdamW(model.parameters())
    start = time.perf_counter()
    for x, y in loader:
        optimizer.zero_grad()
        model.loss(x, y).backward()
        optimizer.step()
    return (time.perf_counter() - start) / steps


def _shared(seconds: float, steps: int) -> float:
    config = compose_experiment(["trainer.max_epochs=1", "trainer.accelerator=cpu"]).config
    with tempfile.TemporaryDirectory() as folder:
        logger = MetricsFile(Path(folder) / "metrics.csv").lightning_logger
        trainer = build_trainer(config, Path(folder) / "checkpoints", [logger], [])
        model, loader, validation = _Busy(seconds), _loader(steps), _loader(1)
        clock: dict[str, float] = {}

        class Clock(pl.Callback):
            def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
                clock["start"] = time.perf_counter()

            def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
                clock["end"] = time.perf_counter()

        trainer.callbacks.append(Clock())  # type: ignore[attr-defined]
        trainer.fit(model, loader, validation)
        return (clock["end"] - clock["start"]) / steps
