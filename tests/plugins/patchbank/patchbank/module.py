"""The LightningModule: an epoch of training fills the bank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor
from torchmetrics.classification import BinaryAUROC

from ersm_lab.core.protocols import Batch
from ersm_lab.nn.backbone import Backbone
from patchbank.method import patches, strangeness, thin


class Output(NamedTuple):
    score: Tensor


class PatchBank(pl.LightningModule):
    """The bank is part of the state dict. ``forward(images (B, 3, H, W))`` gives strangeness ``(B,)``."""

    progress = ("val/auroc",)

    def __init__(
        self,
        backbone: Mapping[str, object] | None = None,
        normal_class: int = 0,
        share: float = 0.05,
        greedy: bool = True,
        variant: str = "greedy",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        settings = {k: v for k, v in (backbone or {}).items() if not k.startswith("from_")}
        self.backbone = Backbone(**settings).requires_grad_(False).eval()
        self.normal_class, self.share, self.greedy = normal_class, share, greedy
        self.bank, self.seen = torch.zeros(0, 1), list[Tensor]()
        self.auroc = BinaryAUROC()

    def train(self, mode: bool = True) -> PatchBank:
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        return strangeness(patches(self.backbone(images)), self.bank.to(images.device))

    def step(self, batch: Batch) -> tuple[Output, dict[str, Tensor]]:
        return Output(self(batch["image"])), {}

    def compile_parts(self) -> None:
        self.backbone.compile()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        normal = batch["image"][batch["label"] == self.normal_class]
        if len(normal):
            self.seen.append(patches(self.backbone(normal)).flatten(0, 1))
        self.optimizers().step()
        return torch.zeros(())

    def on_validation_epoch_start(self) -> None:  # which comes before the end of the epoch of training
        self.remember()

    def on_train_end(self) -> None:  # which may come inside an epoch
        self.remember()

    def remember(self) -> None:
        """Puts what the epoch has seen into the bank."""
        if self.seen:
            remembered = torch.cat(self.seen)
            self.bank = thin(remembered, max(1, round(self.share * len(remembered))), self.greedy)
            self.seen.clear()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.auroc.update(self(batch["image"]), batch["label"] != self.normal_class)

    def on_validation_epoch_end(self) -> None:
        self.log("val/auroc", self.auroc.compute(), prog_bar=True)
        self.auroc.reset()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([torch.zeros(1)], lr=1.0)  # moves nothing: Lightning counts its steps

    def get_extra_state(self) -> dict[str, Tensor]:
        return {"bank": self.bank}

    def set_extra_state(self, state: dict[str, Tensor]) -> None:
        self.bank = state["bank"]
