"""The LightningModule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytorch_lightning as pl
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy

from ersm_lab.core.protocols import Batch
from ersm_lab.nn.optim import build_optimizer, parameter_groups
from ersm_lab.nn.schema import OptimizerConfig
from newpaper.method import FocusPool


class Output(NamedTuple):
    """logits ``(B, K)``, weights ``(B, N)`` over the cells."""

    logits: Tensor
    weights: Tensor


class NewPaperClassifier(pl.LightningModule):
    """Three convolutions, focused pooling, a linear head.

    num_classes: K. image_size, class_names: of the data, which the lab hands over. width, focus, temperature: see ``schema.py``.
    """

    progress = ("train/loss", "val/accuracy", "val/loss")

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int] = (16, 16),
        width: int = 16,
        focus: bool = True,
        temperature: float = 1.0,
        optimizer: Mapping[str, object] | None = None,
        variant: str = "focus",
        class_names: list[str] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        widths = (3, width, 2 * width, 4 * width)
        layers = [
            nn.Sequential(nn.Conv2d(a, b, 3, stride, 1), nn.BatchNorm2d(b), nn.ReLU())
            for a, b, stride in zip(widths, widths[1:], (1, 2, 1), strict=False)
        ]
        self.encoder = nn.Sequential(*layers)
        self.pool = FocusPool(4 * width, temperature, focus)
        self.head = nn.Linear(4 * width, num_classes)
        self.optimizer_settings = OptimizerConfig.of(optimizer)
        self.accuracy = MulticlassAccuracy(num_classes, average="micro")

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(B, K)`` of images ``(B, 3, H, W)``."""
        return self.look(images).logits

    def look(self, images: Tensor) -> Output:
        """Logits, and where the model looked."""
        pooled, weights = self.pool(self.encoder(images))
        return Output(self.head(pooled), weights)

    def step(self, batch: Batch) -> tuple[Output, dict[str, Tensor]]:
        """Output and losses of a batch: what both steps below call."""
        output = self.look(batch["image"])
        return output, {"loss": F.cross_entropy(output.logits, batch["label"])}

    def compile_parts(self) -> None:
        self.encoder.compile()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = self.step(batch)[1]["loss"]
        self.log("train/loss", loss.detach(), batch_size=len(batch["label"]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        output, losses = self.step(batch)
        self.accuracy.update(output.logits, batch["label"])
        self.log("val/loss", losses["loss"], on_epoch=True, batch_size=len(batch["label"]))

    def on_validation_epoch_end(self) -> None:
        self.log("val/accuracy", self.accuracy.compute(), prog_bar=True)
        self.accuracy.reset()

    def configure_optimizers(self) -> object:
        settings = self.optimizer_settings
        groups = parameter_groups(self, settings.lr, settings.weight_decay)
        return build_optimizer(groups, settings, int(self.trainer.estimated_stepping_batches))
