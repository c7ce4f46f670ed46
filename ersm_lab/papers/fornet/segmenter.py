"""The LightningModule of segmentation: FoR-Net or a baseline, under one loss, one trainer and one set of scores.

Shapes: images ``(B, 3, H, W)``, labels ``(B, H, W)`` integer with ``ignore_index``, classes ``K``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytorch_lightning as pl
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torchmetrics import MeanMetric

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Batch, MaskedSegmentationModel
from ersm_lab.metrics.segmentation import SegmentationScores, check_labels
from ersm_lab.nn.logging import log_step
from ersm_lab.nn.optim import ParameterGroup, build_optimizer, parameter_groups
from ersm_lab.nn.schema import OptimizerConfig
from ersm_lab.papers.fornet.head import FoRNetOutput
from ersm_lab.papers.fornet.loss import FoRNetLoss
from ersm_lab.papers.fornet.model import FoRNet
from ersm_lab.papers.fornet.networks import build_network
from ersm_lab.papers.fornet.schema import FoRNetHeadConfig, FoRNetLossConfig, SegmentationBackboneConfig

DEFAULT_OPTIMIZER: Mapping[str, object] = {
    "_target_": "torch.optim.AdamW",
    "lr": 5e-4,
    "weight_decay": 1e-4,
    "schedule": {"name": "poly"},
}


class FoRNetSegmenter(pl.LightningModule):
    """Trains a segmentation network with FoR-Net's loss (arXiv 2605.02764).

    Parameters
    ----------
    num_classes: K, at least 2. image_size: (H, W) of training crops, in pixels.
    architecture, backbone, head, decoder: see ``build_network``.
    loss: keywords of ``FoRNetLoss`` but ``num_classes``. ignore_index: the label of pixels that do not count.
    backbone_lr_factor: learning rate of the backbone over that of the rest.
    optimizer: the ``optimizer`` group of the configuration.
    variant: a name for tables and dashboards. class_names: K names, kept with the checkpoint. thin_classes: those of them
        that are thin structures, which have a score of their own.

    ``forward(images)`` gives logits ``(B, K, H, W)``; ``segment(images)`` gives a ``FoRNetOutput``. Training
    and validation take batches ``{"image", "label"}`` and, for messages, ``"name"``: one file name per image.
    """

    progress: Sequence[str] = ("train/loss", "val/loss", "val/miou")

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int] = (768, 768),
        architecture: str = "fornet",
        backbone: Mapping[str, object] | None = None,
        head: Mapping[str, object] | None = None,
        decoder: Mapping[str, object] | None = None,
        loss: Mapping[str, object] | None = None,
        ignore_index: int = 255,
        backbone_lr_factor: float = 1.0,
        optimizer: Mapping[str, object] | None = None,
        variant: str = "published",
        class_names: list[str] | None = None,
        thin_classes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self.architecture = architecture
        self.network = build_network(
            architecture,
            num_classes,
            SegmentationBackboneConfig.of(backbone),
            FoRNetHeadConfig.of(head),
            decoder,
        )
        self.loss = FoRNetLoss(num_classes, ignore_index, **vars(FoRNetLossConfig.of(loss)))
        self.backbone_lr_factor = backbone_lr_factor
        self.optimizer_settings = OptimizerConfig.of(optimizer or DEFAULT_OPTIMIZER)
        names = class_names or [str(i) for i in range(num_classes)]
        thin = [i for i, name in enumerate(names) if name in thin_classes]
        self.val_scores = SegmentationScores(num_classes, ignore_index, thin)
        self.val_means = nn.ModuleDict({name: MeanMetric() for name in ("loss", "ce", "dice", "selector")})

    def segment(self, images: Tensor) -> FoRNetOutput:
        """Logits ``(B, K, H, W)``, importance and masks of images ``(B, 3, H, W)``."""
        output: FoRNetOutput = self.network(images)
        return output

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(B, K, H, W)`` of images ``(B, 3, H, W)``."""
        return self.segment(images).logits

    def compile_parts(self) -> None:
        """``torch.compile`` for the network; names in the state dict stay as they are."""
        self.network.compile()

    @property
    def mask_ratios(self) -> tuple[float, ...]:
        """The share of cells in each mask that ``segment`` gives; ``()`` for networks without masks."""
        if not isinstance(self.network, FoRNet) or self.network.head.selection == "none":
            return ()
        return self.network.head.topk_ratios

    def is_control_of(self, other: MaskedSegmentationModel) -> bool:
        """Whether this is FoR-Net whose branches all see every cell, and ``other`` a network with masks."""
        sees_all = isinstance(self.network, FoRNet) and self.network.head.selection == "none"
        return sees_all and bool(other.mask_ratios)

    def step(self, batch: Batch) -> tuple[FoRNetOutput, dict[str, Tensor]]:
        """Output and loss terms ``loss = ce + lambda_dice dice + lambda_selector selector``.

        Raises ``UserError`` for images and labels of different size, for labels outside the table (on the
        CPU; elsewhere looking at each step would stall the device, and validation does it), and for a batch
        too small for batch norm.
        """
        images, label = batch["image"], batch["label"]
        names = batch.get("name")
        if label.shape != (len(images), *images.shape[-2:]):
            where = f" ({', '.join(names)})" if names else ""
            raise UserError(
                f"labels of {tuple(label.shape)} do not fit images of {tuple(images.shape)}{where}: each pixel needs one"
            )
        if label.device.type == "cpu":
            check_labels(label, self.num_classes, self.ignore_index, names)
        output = self._segment_or_explain(images)
        terms = self.loss(output.logits, label, output.importance_logit)
        return output, {
            "loss": terms.total,
            "ce": terms.ce,
            "dice": terms.dice,
            "selector": terms.selector,
        }

    def _segment_or_explain(self, images: Tensor) -> FoRNetOutput:
        try:
            return self.segment(images)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise UserError(
                f"a batch norm of {self.architecture} sees a single value per channel in a training batch of "
                f"{len(images)} image(s) of {tuple(images.shape[-2:])}: use data.batch_size of 2 or more, or larger crops"
            ) from error

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        _, losses = self.step(batch)
        values = {f"train/{name}": value.detach() for name, value in losses.items()}
        log_step(self, values, len(batch["image"]))
        return losses["loss"]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        output, losses = self.step(batch)
        self.val_scores.update(output.logits.argmax(1), batch["label"], batch.get("name"))
        for name, mean in self._means().items():
            mean.update(losses[name], len(batch["image"]))

    def on_validation_epoch_end(self) -> None:
        scores = {f"val/{name}": value.float() for name, value in self.val_scores.compute().items()}
        self.log_dict({name: value for name, value in scores.items() if value.dim() == 0}, prog_bar=True)
        self.val_scores.reset()
        for name, mean in self._means().items():
            self.log(f"val/{name}", mean.compute(), prog_bar=name == "loss")
            mean.reset()

    def _means(self) -> dict[str, MeanMetric]:
        return {name: mean for name, mean in self.val_means.items() if isinstance(mean, MeanMetric)}

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        settings = self.optimizer_settings
        groups = parameter_groups(self.network, settings.lr, settings.weight_decay)
        scaled = _scaled(groups, self.network.backbone, self.backbone_lr_factor)
        return build_optimizer(scaled, settings, int(self.trainer.estimated_stepping_batches))


def _scaled(groups: Sequence[ParameterGroup], backbone: nn.Module, factor: float) -> list[ParameterGroup]:
    """Each group split into the backbone's parameters, at ``factor`` times the rate, and the others."""
    inside = {id(parameter) for parameter in backbone.parameters()}
    found: list[ParameterGroup] = []
    for group in groups:
        for held, scale in ((True, factor), (False, 1.0)):
            parameters = [p for p in group["params"] if (id(p) in inside) is held]
            if parameters:
                found.append({**group, "params": parameters, "lr": group["lr"] * scale})
    return found
