"""Training values, logged at the steps whose rows are written.

Lightning spends a third of a millisecond on every value of every step, and writes one step in ``log_every_n_steps``.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytorch_lightning as pl
from torch import Tensor


def log_step(module: pl.LightningModule, values: Mapping[str, Tensor | float], batch_size: int) -> None:
    """``module.log_dict(values)`` when this step's row is written, or when it is the epoch's last: what an epoch ends with."""
    trainer = module.trainer
    every = trainer.log_every_n_steps  # type: ignore[attr-defined]
    if (trainer.global_step + 1) % every == 0 or trainer.is_last_batch:
        module.log_dict(dict(values), batch_size=batch_size)
