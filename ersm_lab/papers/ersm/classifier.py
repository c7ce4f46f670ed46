"""The ERSM classifier: backbone, energy mask, pooling, linear head.

Shapes: images ``(B, 3, H, W)``, features ``(B, C, h, w)``, tokens ``N``, classes ``K``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanMetric, Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from ersm_lab.core.protocols import Batch, TokenGeometry
from ersm_lab.metrics.names import POOLS
from ersm_lab.metrics.sparsity import effective_share
from ersm_lab.nn.backbone import Backbone
from ersm_lab.nn.logging import log_step
from ersm_lab.nn.optim import build_optimizer, parameter_groups
from ersm_lab.nn.schema import BackboneConfig, OptimizerConfig
from ersm_lab.papers.ersm.energy_mask import CoherenceOutput, EnergyMask, EnergyMaskOutput, energy_regularizer
from ersm_lab.papers.ersm.pooling import masked_mean_pool, mean_pool
from ersm_lab.papers.ersm.schema import EnergyMaskConfig
from ersm_lab.papers.ersm.tokens import position_counts, token_grid, tokenize


class ERSMOutput(NamedTuple):
    """``logits`` (B, K); ``mask`` is None for the plain classifier."""

    logits: Tensor
    mask: EnergyMaskOutput | CoherenceOutput | None


class ERSMClassifier(pl.LightningModule):
    """Classifies from the tokens that an energy mask keeps (arXiv 2604.06893, section 3).

    Parameters
    ----------
    num_classes: K, at least 2.
    image_size: (H, W) of the images in pixels; it fixes the grid of tokens.
    backbone: settings by the names of ``BackboneConfig``.
    mask: settings by the names of ``EnergyMaskConfig``; ``{"enabled": False}`` or None is the plain classifier. The default is
        the recommended variant.
    pool: ``"masked_mean"`` (sum m t / sum m) or ``"mean"`` (the paper's).
    freeze_backbone: eval mode and no gradient for the backbone, whatever ``train()`` is called with.
    mask_lr_factor: learning rate of the mask over that of the head.
    label_smoothing: of the cross-entropy, in [0, 1).
    optimizer: the ``optimizer`` group of the configuration.
    variant: a name for tables and dashboards.
    class_names: K names, kept with the checkpoint.

    ``forward(images)`` gives logits ``(B, K)``; ``classify(features)`` gives an ``ERSMOutput``. Training and validation
    take batches ``{"image" or "features", "label"}``.
    """

    progress = ("train/loss", "val/accuracy", "val/loss")

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int] = (224, 224),
        backbone: Mapping[str, object] | None = None,
        mask: Mapping[str, object] | None = {"enabled": True},
        pool: str = "masked_mean",
        freeze_backbone: bool = True,
        mask_lr_factor: float = 10.0,
        label_smoothing: float = 0.0,
        optimizer: Mapping[str, object] | None = None,
        variant: str = "recommended",
        class_names: list[str] | None = None,
    ) -> None:
        super().__init__()
        if pool not in POOLS:
            raise ValueError(f"pool is {pool!r}, but must be one of {', '.join(POOLS)}")
        self.save_hyperparameters()
        self.backbone = _backbone(BackboneConfig.of(backbone))
        channels, height, width = self.backbone.feature_shape((int(image_size[0]), int(image_size[1])))
        settings = EnergyMaskConfig.of(mask) if mask else EnergyMaskConfig(enabled=False)
        self.patch_size = settings.patch_size
        self.grid_size = token_grid(height, width, self.patch_size)
        self.mask = _mask(settings, channels, self.grid_size) if settings.enabled else None
        self.pool = pool
        self.head = nn.Linear(channels, num_classes)
        self.freeze_backbone = freeze_backbone
        if freeze_backbone:
            # eval now: Lightning trains a module in the modes that it finds, it does not call train() first
            self.backbone.requires_grad_(False).eval()
        self.mask_lr_factor = mask_lr_factor
        self.label_smoothing = label_smoothing
        self.optimizer_settings = OptimizerConfig.of(optimizer)
        accuracy = MetricCollection(
            {"accuracy": MulticlassAccuracy(num_classes, average="micro", validate_args=False)}
        )
        self.train_metrics = accuracy.clone("train/")
        self.val_metrics = accuracy.clone("val/")
        means: dict[str, Metric | MetricCollection] = {
            name: MeanMetric() for name in ("loss", "mean_keep", "effective_share")
        }
        self.val_means = MetricCollection(means, compute_groups=False)

    def train(self, mode: bool = True) -> ERSMClassifier:
        """As ``nn.Module.train``, but a frozen backbone stays in eval mode: its batch-norm statistics do not drift."""
        super().train(mode)
        if self.freeze_backbone:
            self.backbone.eval()
        return self

    def features(self, images: Tensor) -> Tensor:
        """``(B, 3, H, W)`` -> ``(B, C, h, w)``; without gradient when the backbone is frozen."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_backbone):
            features: Tensor = self.backbone(images)
        return features

    def tokens(self, features: Tensor) -> Tensor:
        """``(B, C, h, w)`` -> ``(B, N, C p p)``, channel-major; a patch that overhangs the map is padded with zeros."""
        return tokenize(features, self.patch_size).mT

    def deletion_geometry(self, features: Tensor) -> TokenGeometry:
        """What ``metrics.deletion.deletion_curve`` must know of these tokens: patch size and real positions per token."""
        h, w = features.shape[2:]
        counts = position_counts(h, w, self.patch_size, torch.float64, features.device)
        return TokenGeometry(patch_size=self.patch_size, positions=counts)

    def classify(self, features: Tensor, forced_mask: Tensor | None = None) -> ERSMOutput:
        """Features ``(B, C, h, w)`` -> logits ``(B, K)`` and the mask's outputs.

        ``forced_mask`` ``(B, N)`` in [0, 1] replaces the keep probabilities, as the deletion protocol needs.
        """
        if self.mask is None:
            if forced_mask is not None:
                raise ValueError("forced_mask needs a model with a mask; this one is the plain classifier")
            return ERSMOutput(self.head(mean_pool(features)), None)
        masked = self.mask(features, forced_mask)
        if self.pool == "mean":
            pooled = mean_pool(masked.features)
        else:
            keep = masked.keep_prob if forced_mask is None else forced_mask
            pooled = masked_mean_pool(masked.features, keep, self.patch_size)
        return ERSMOutput(self.head(pooled.to(self.head.weight.dtype)), masked)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(B, K)`` of images ``(B, 3, H, W)``."""
        return self.classify(self.features(images)).logits

    def compile_parts(self) -> None:
        """``torch.compile`` for the parts that do the work; names in the state dict stay as they are."""
        self.backbone.compile()
        if self.mask is not None:
            self.mask.compile()

    def step(self, batch: Batch) -> tuple[ERSMOutput, dict[str, Tensor]]:
        """Output and loss terms ``loss = cross_entropy + regularizer`` (paper, equation of the total loss)."""
        features = batch["features"] if "features" in batch else self.features(batch["image"])
        output = self.classify(features)
        ce = F.cross_entropy(output.logits.float(), batch["label"], label_smoothing=self.label_smoothing)
        reg = energy_regularizer(output.mask) if output.mask is not None else ce.new_zeros(())
        return output, {"loss": ce + reg, "cross_entropy": ce, "regularizer": reg}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        output, losses = self.step(batch)
        size = batch["label"].shape[0]
        self.train_metrics.update(output.logits.detach(), batch["label"])
        log_step(self, {f"train/{name}": value.detach() for name, value in losses.items()}, size)
        return losses["loss"]

    def on_train_epoch_end(self) -> None:
        self.log_dict(self.train_metrics.compute())
        self.train_metrics.reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        output, losses = self.step(batch)
        size = batch["label"].shape[0]
        self.val_metrics.update(output.logits, batch["label"])
        self.val_means["loss"].update(losses["loss"], size)
        if output.mask is not None:
            self.val_means["mean_keep"].update(output.mask.keep_prob)
            self.val_means["effective_share"].update(effective_share(output.mask.keep_prob))

    def on_validation_epoch_end(self) -> None:
        self.log_dict(self.val_metrics.compute(), prog_bar=True)
        self.val_metrics.reset()
        for name, mean in self.val_means.items():
            if name == "loss" or self.mask is not None:
                self.log(f"val/{name}", mean.compute(), prog_bar=name == "loss")
            mean.reset()

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        lr, decay = self.optimizer_settings.lr, self.optimizer_settings.weight_decay
        groups = []
        for module in (self.backbone, self.head):
            groups += parameter_groups(module, lr, decay)
        if self.mask is not None:
            groups += parameter_groups(self.mask, lr * self.mask_lr_factor, decay)
        return build_optimizer(groups, self.optimizer_settings, int(self.trainer.estimated_stepping_batches))


def _backbone(settings: BackboneConfig) -> Backbone:
    return Backbone(
        settings.name,
        settings.pretrained,
        settings.checkpoint,
        settings.out_index,
        settings.small_stem,
        settings.kwargs,
    )


def _mask(settings: EnergyMaskConfig, channels: int, grid_size: tuple[int, int]) -> EnergyMask:
    return EnergyMask(
        channels,
        grid_size,
        settings.patch_size,
        settings.lambda_unary,
        settings.gamma_pairwise,
        settings.temperature,
        settings.pairwise,
        settings.bias,
        settings.bias_init,
        settings.train_bias,
        settings.train_weight,
        settings.refine_steps,
    )
