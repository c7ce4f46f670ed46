"""FoR-Net: a timm backbone at a chosen output stride, and FoR-Net's head on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
import torch
from timm.models import FeatureInfo
from torch import Tensor, nn

from ersm_lab.core.errors import UserError
from ersm_lab.nn.backbone import check_name, load_weights
from ersm_lab.papers.fornet.head import FoRNetHead, FoRNetOutput
from ersm_lab.papers.fornet.schema import OUTPUT_STRIDES, FoRNetHeadConfig


class TwoStageBackbone(nn.Module):
    """A timm model's features after the stage at stride 4 and after its last one.

    Residual, mobile and ConvNeXt networks are dilated to ``output_stride``; a model that timm cannot dilate
    keeps its natural stride. The attribute ``output_stride`` says what came out.

    Parameters
    ----------
    name: any timm model that supports ``features_only`` and gives NCHW features, one of them at stride 4.
    output_stride: pixels per cell of the last features: 8, 16 or 32.
    pretrained, checkpoint, kwargs: as of ``ersm_lab.nn.backbone.Backbone``.

    Raises
    ------
    UserError: a name that timm does not know, a model without features at stride 4, features that are not
        NCHW, weights that cannot be read or downloaded.
    """

    def __init__(
        self,
        name: str,
        output_stride: int = 8,
        pretrained: bool = False,
        checkpoint: str | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.net: nn.Module = _create(name, output_stride, pretrained, dict(kwargs or {}))
        info = self.net.feature_info
        assert isinstance(info, FeatureInfo)
        self.low_channels, self.out_channels = (int(count) for count in info.channels())
        self.output_stride = int(info.reduction()[-1])
        try:
            low, high = self.features(torch.zeros(1, 3, 64, 64))
            fits = low.shape[1:] == (self.low_channels, 16, 16) and high.shape[1] == self.out_channels
        except (AssertionError, RuntimeError):  # a model for images of one size only
            fits = False
        if not fits:
            raise UserError(
                f"model.backbone.name={name} does not give features (B, C, H, W) for images of any size: choose a convolutional model, "
                "such as resnet50, convnext_tiny or mobilenetv3_large_100"
            )
        if checkpoint:
            load_weights(self.net, name, checkpoint, dict(kwargs or {}))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, 3, H, W)`` -> ``(B, C_low, H/4, W/4)`` and ``(B, C, H/s, W/s)``, rounded up, s the output stride."""
        low, high = self.net(images)
        return low, high

    @torch.no_grad()
    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """As ``forward``, in eval mode and without gradient: buffers stay as they are."""
        was_training = self.training
        self.eval()
        found: tuple[Tensor, Tensor] = self(images)
        self.train(was_training)
        return found


class FoRNet(nn.Module):
    """FoR-Net over any convolutional timm backbone (arXiv 2605.02764).

    Parameters
    ----------
    backbone: a timm name. num_classes: K. output_stride: 8 in the paper; 16 or 32 cost less.
    pretrained: timm's own weights, from the hub. checkpoint: a local file of weights instead.
    backbone_kwargs: further keywords of ``timm.create_model``. head: keywords of ``FoRNetHead``.
    """

    def __init__(
        self,
        backbone: str = "resnet101",
        num_classes: int = 19,
        output_stride: int = 8,
        pretrained: bool = False,
        checkpoint: str | None = None,
        backbone_kwargs: Mapping[str, Any] | None = None,
        **head: object,
    ) -> None:
        super().__init__()
        self.backbone = TwoStageBackbone(backbone, output_stride, pretrained, checkpoint, backbone_kwargs)
        channels = self.backbone.out_channels, self.backbone.low_channels
        self.head = FoRNetHead(*channels, num_classes=num_classes, **vars(FoRNetHeadConfig.of(head)))

    def forward(self, images: Tensor) -> FoRNetOutput:
        """Images ``(B, 3, H, W)`` of any size -> logits ``(B, K, H, W)``, importance and masks."""
        low, high = self.backbone(images)
        output: FoRNetOutput = self.head(high, low, images.shape[-2:])
        return output


def _create(name: str, output_stride: int, pretrained: bool, kwargs: dict[str, Any]) -> nn.Module:
    if output_stride not in OUTPUT_STRIDES:
        *smaller, last = OUTPUT_STRIDES
        allowed = f"{', '.join(map(str, smaller))} or {last}"
        raise UserError(f"model.backbone.output_stride is {output_stride}, but must be {allowed}")
    check_name(name)
    try:
        # stages are known by their strides, which timm tells of a built model only; this one has no weights yet
        with torch.device("meta"):
            info = timm.create_model(name, features_only=True, **kwargs).feature_info
        assert isinstance(info, FeatureInfo)
        strides: list[int] = list(info.reduction())
    except (TypeError, RuntimeError) as error:
        raise UserError(
            f"model.backbone.name: {name} cannot be cut into stages, or does not take its kwargs: {error}"
        ) from error
    if 4 not in strides or strides[-1] <= 4:
        raise UserError(
            f"model.backbone.name={name} has no features at stride 4 below its last ones (it has {strides}): choose a "
            "model in stages, such as resnet50, convnext_tiny or mobilenetv3_large_100"
        )
    settings: dict[str, Any] = {
        "features_only": True,
        "out_indices": (len(strides) - 1 - strides[::-1].index(4), len(strides) - 1),
    }
    try:
        if output_stride < strides[-1]:
            try:
                return timm.create_model(
                    name, pretrained=pretrained, output_stride=output_stride, **settings, **kwargs
                )
            except (TypeError, AssertionError, NotImplementedError):
                pass  # cannot be dilated: its natural stride
        return timm.create_model(name, pretrained=pretrained, **settings, **kwargs)
    except OSError as error:  # requests', urllib's and huggingface_hub's network errors all derive from it
        raise UserError(
            f"model.backbone.pretrained: the weights of {name} cannot be had from the hub ({type(error).__name__}); "
            "give a local file as model.backbone.checkpoint=FILE instead"
        ) from error
