"""Checkpoints that are whole or absent: a full disk or a kill never leaves half of one in the place of a good one."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from ersm_lab.core.errors import UserError


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoint plugin for local files: written beside the target, then renamed over it."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            os.replace(temporary, target)
        except (OSError, RuntimeError) as error:  # torch's zip writer turns ENOSPC into a RuntimeError
            Path(temporary).unlink(missing_ok=True)
            no_space = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
            if no_space or "file write failed" in str(error):
                raise UserError(
                    f"no space left on the disk for {target}; the previous checkpoint is whole"
                ) from error
            raise
