"""Callbacks of the shared trainer: non-finite losses, reproducible steps, resuming inside an epoch, plain progress lines."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import STEP_OUTPUT
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Batch, ShowsProgress


class FiniteLoss(pl.Callback):
    """Stops at the first step whose loss is NaN or infinite and names it; no checkpoint is written after it.

    The flag lives on the device and is read at most every ``every`` steps on an accelerator, and before anything is
    saved, so that looking does not stall the queue of kernels.
    """

    def __init__(self, every: int = 20) -> None:
        self.every = every
        self._bad_step: Tensor | None = None

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
        if loss is None:  # the learner skipped the batch
            return
        loss = loss.detach()
        if loss.device.type == "cpu":
            if not math.isfinite(loss.item()):
                self._bad_step = torch.tensor(trainer.global_step)
                self.look()
            return
        if self._bad_step is None:
            self._bad_step = torch.full((), -1, dtype=torch.int64, device=loss.device)
        newly_bad = (self._bad_step < 0) & ~torch.isfinite(loss)
        self._bad_step = torch.where(newly_bad, trainer.global_step, self._bad_step)
        if trainer.global_step % self.every == 0:
            self.look()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.look()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.look()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, object]
    ) -> None:
        self.look()

    def look(self) -> None:
        """Raises ``UserError`` when a loss so far was not finite."""
        if self._bad_step is not None and (step := int(self._bad_step.item())) >= 0:
            raise UserError(
                f"the loss is not finite at step {step}; the last good checkpoint is kept. Try a smaller optimizer.lr, "
                "trainer.clip_norm=1, or trainer.precision=32-true"
            )


class Reproducible(pl.Callback):
    """A training step's random numbers follow from (seed, step), and a resumed epoch begins where it was left."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        done = trainer.fit_loop.epoch_loop.batch_progress.current.completed
        if done and not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            sampler = getattr(trainer.train_dataloader, "sampler", None)
            if sampler is not None and hasattr(sampler, "start_batch"):
                sampler.start_batch(done)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        seed = (self.seed * 1_000_003 + trainer.global_step * 8191 + trainer.global_rank) % 2**63
        # torch.manual_seed would also note a call, with its traceback, for every kind of device that is not in use
        torch.default_generator.manual_seed(seed)
        kind = pl_module.device.type
        if kind != "cpu":
            torch.get_device_module(kind).manual_seed(seed)


PROGRESS = ("train/loss", "val/loss")


def progress_of(learner: pl.LightningModule) -> Sequence[str]:
    """The logged metrics that a line of progress shows: the learner's ``progress``, or both losses where it names none."""
    return learner.progress if isinstance(learner, ShowsProgress) else PROGRESS


class PlainProgress(pl.Callback):
    """A line per epoch, for logs and pipes, where a progress bar would leave control characters."""

    def __init__(self) -> None:
        self._start = 0.0
        self._validated = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._validated = True

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        known = trainer.callback_metrics
        # validation metrics of an earlier epoch are no news
        shown = [name for name in progress_of(pl_module) if self._validated or not name.startswith("val/")]
        self._validated = False
        values = "  ".join(f"{name} {float(known[name]):.4f}" for name in sorted(shown) if name in known)
        seconds = time.perf_counter() - self._start
        print(
            f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  {values}  {seconds:.0f} s", flush=True
        )
