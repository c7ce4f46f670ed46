"""What networks said of each picture, on disk while a suite runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


class Predictions:
    """One network's predicted classes and masks, a file per picture in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def save(self, place: int, classes: Tensor, masks: Sequence[Tensor]) -> None:
        """The picture at ``place``: classes ``(H, W)`` and masks, each ``(1, 1, h, w)``."""
        held = [mask[0].to(torch.uint8).cpu().numpy() for mask in masks]
        np.savez_compressed(
            self._file(place),
            classes=classes.to(torch.uint8).cpu().numpy(),
            masks=np.stack(held) if held else np.zeros((0, 1, 1, 1), np.uint8),
        )

    def load(self, place: int) -> tuple[Tensor, list[Tensor]]:
        """Classes ``(H, W)`` uint8 and masks ``(1, 1, h, w)`` uint8."""
        with np.load(self._file(place)) as found:
            masks = [torch.from_numpy(mask)[None] for mask in found["masks"]]
            return torch.from_numpy(found["classes"]), masks

    def _file(self, place: int) -> Path:
        return self.folder / f"{place}.npz"
