"""Checkpoints: atomic writes, and loading with ``weights_only``.

A checkpoint is whole or absent: a full disk or a kill never leaves half of one in the place of a good one.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from torch import nn

from ersm_lab.core.errors import UserError
from ersm_lab.files.atomic import replacing


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoint plugin for local files: written beside the target, then renamed over it."""

    def save_checkpoint(
        self, checkpoint: Mapping[str, object], path: str | Path, storage_options: object = None
    ) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            replacing(target, when_full="the previous checkpoint is whole") as temporary,
            temporary.open("wb") as file,
        ):
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:  # what torch's zip writer makes of a full disk
                if "No space left" in str(error) or "file write failed" in str(error):
                    raise OSError(errno.ENOSPC, "no space left") from error
                raise


def load_checkpoint(model: nn.Module, checkpoint: Path) -> None:
    """Loads the weights of a run's checkpoint, with ``weights_only``; another architecture is a ``UserError``."""
    if not checkpoint.is_file():
        raise UserError(f"no checkpoint {checkpoint}: was the training stopped before its first validation?")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        first = str(error).strip().splitlines()[1 if "\n" in str(error) else 0].strip()
        raise UserError(
            f"{checkpoint} is of another architecture than the configuration's model: {first[:160]}"
        ) from error
