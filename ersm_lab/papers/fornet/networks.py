"""FoR-Net and the networks that it is compared with, behind one interface: images in, ``FoRNetOutput`` out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from ersm_lab.core.errors import UserError
from ersm_lab.nn.backbone import load_weights
from ersm_lab.papers.fornet.head import FoRNetOutput
from ersm_lab.papers.fornet.model import FoRNet
from ersm_lab.papers.fornet.schema import ARCHITECTURES, FoRNetHeadConfig, SegmentationBackboneConfig

BASELINES = {  # the class of each architecture but FoR-Net itself
    "deeplabv3plus": "DeepLabV3Plus",
    "pspnet": "PSPNet",
    "fpn": "FPN",
    "segformer": "Segformer",
}
_MULTIPLE = 32  # of pixels: what the baselines' decoders need


class Baseline(nn.Module):
    """A network of segmentation_models_pytorch; images of any size are padded by replication, the logits cropped."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    @property
    def backbone(self) -> nn.Module:
        return self.net.get_submodule("encoder")

    def forward(self, images: Tensor) -> FoRNetOutput:
        """``(B, 3, H, W)`` -> logits ``(B, K, H, W)``; no importance, no masks."""
        height, width = images.shape[-2:]
        padding = (0, -width % _MULTIPLE, 0, -height % _MULTIPLE)
        if any(padding):
            images = F.pad(images, padding, mode="replicate")
        logits: Tensor = self.net(images)
        return FoRNetOutput(logits[..., :height, :width], None, [])


def build_network(
    architecture: str,
    num_classes: int,
    backbone: SegmentationBackboneConfig,
    head: FoRNetHeadConfig | None = None,
    decoder: Mapping[str, object] | None = None,
) -> FoRNet | Baseline:
    """A network with an attribute ``backbone`` whose ``forward(images (B, 3, H, W))`` gives a ``FoRNetOutput``.

    Parameters
    ----------
    architecture: ``"fornet"``, ``"deeplabv3plus"``, ``"pspnet"``, ``"fpn"`` or ``"segformer"``.
    backbone: DeepLabV3+ and PSPNet are dilated to its output stride as FoR-Net is; FPN and SegFormer use every stage at
        its natural stride.
    head: FoR-Net's. decoder: keywords of the baseline's class.

    Raises
    ------
    UserError: an unknown architecture, a backbone that it cannot use, a library that is not installed.
    """
    if architecture == "fornet":
        return FoRNet(
            backbone.name,
            num_classes,
            backbone.output_stride,
            backbone.pretrained,
            backbone.checkpoint,
            backbone.kwargs,
            **vars(head or FoRNetHeadConfig()),
        )
    if architecture not in ARCHITECTURES:
        raise UserError(
            f"model.architecture is {architecture!r}, but must be one of {', '.join(ARCHITECTURES)}"
        )
    return _baseline(architecture, num_classes, backbone, decoder or {})


def _baseline(
    architecture: str, num_classes: int, backbone: SegmentationBackboneConfig, decoder: Mapping[str, object]
) -> Baseline:
    try:
        import segmentation_models_pytorch as smp
    except ImportError as error:
        raise UserError(
            f"model.architecture={architecture} needs segmentation_models_pytorch: pip install 'ersm-lab[segmentation]'"
        ) from error
    name, stride = backbone.name, backbone.output_stride
    own = name.startswith("mit_b")  # SegFormer's encoders are the library's own, not timm's
    strided: dict[str, dict[str, int]] = {
        "deeplabv3plus": {"encoder_output_stride": stride},
        "pspnet": {"encoder_depth": 5, "upsampling": stride, "output_stride": stride},
    }
    build: Callable[..., nn.Module] = getattr(smp, BASELINES[architecture])
    try:
        net = build(
            encoder_name=name if own else f"tu-{name}",
            encoder_weights="imagenet" if backbone.pretrained else None,
            classes=num_classes,
            **{**strided.get(architecture, {}), **backbone.kwargs, **decoder},
        )
    except OSError as error:
        raise UserError(
            f"model.backbone.pretrained: the weights of {name} cannot be had ({type(error).__name__}); "
            "give a local file as model.backbone.checkpoint=FILE instead"
        ) from error
    except (TypeError, ValueError, KeyError, RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"model.architecture={architecture} cannot be built on {name} at output stride {stride}: {reason}"
        ) from error
    if backbone.checkpoint:
        if own:
            raise UserError(f"model.backbone.checkpoint: {name} takes no local file; timm's networks do")
        load_weights(net.get_submodule("encoder.model"), name, backbone.checkpoint, backbone.kwargs)
    return Baseline(net)
