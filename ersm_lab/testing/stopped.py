"""``python -m ersm_lab.testing.stopped STEP [words]``: trains, and dies before a step as a killed process does."""

from __future__ import annotations

import os
import sys

import pytorch_lightning as pl

from ersm_lab.cli import main
from ersm_lab.core.protocols import Batch
from ersm_lab.training.callbacks import Reproducible


def train_until(step: int, words: list[str]) -> int:
    """``ersm-lab train WORDS`` that ends with exit code 9, and no word of farewell, when ``step`` steps are done."""
    begin = Reproducible.on_train_batch_start

    def stop(
        self: Reproducible, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        if trainer.global_step >= step:
            os._exit(9)
        begin(self, trainer, pl_module, batch, batch_idx)

    Reproducible.on_train_batch_start = stop  # type: ignore[method-assign]
    return main(["train", *words])


if __name__ == "__main__":
    sys.exit(train_until(int(sys.argv[1]), sys.argv[2:]))
