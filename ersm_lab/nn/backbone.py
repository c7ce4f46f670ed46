"""timm feature extractors, cut at one stage: convolutional networks, and transformers whose tokens lie on a grid.

Shapes: images ``(B, 3, H, W)`` -> features ``(B, C, h, w)``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from timm.layers.format import Format
from timm.models import FeatureInfo
from torch import Tensor, nn

from ersm_lab.core.errors import UserError, message_of

_PREFIX = "backbone.net."  # where our own checkpoints keep a backbone's weights


class Backbone(nn.Module):
    """One stage of a timm model as features in NCHW.

    The tokens of a plain vision transformer become its grid of patches (class and register tokens are left out), features
    with channels last (Swin) are transposed. Such models may take images of one size only: their own, or the ``img_size`` in
    ``kwargs``; ``feature_shape`` tells.

    Parameters
    ----------
    name: any timm model that supports ``features_only``, with or without a pretrained tag.
    pretrained: timm's own weights, from the hub.
    checkpoint: a local file: a timm state dict of the whole model, or a checkpoint of one of our runs.
    out_index: the stage, as timm counts them; negative counts from the last.
    small_stem: ResNets only: the stem becomes one 3x3 convolution of stride 1 without pooling.
    kwargs: further keywords of ``timm.create_model``.

    Raises
    ------
    UserError: a name that timm does not know (with the nearest names), a stage that the model does not have, a checkpoint
        of another architecture, weights that cannot be downloaded.
    """

    def __init__(
        self,
        name: str,
        pretrained: bool = False,
        checkpoint: str | None = None,
        out_index: int = -1,
        small_stem: bool = False,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.net: nn.Module = _create(name, pretrained, out_index, dict(kwargs or {}))
        self._channels_last = getattr(self.net, "output_fmt", Format.NCHW) == Format.NHWC
        if small_stem:
            _shrink_stem(self.net, name)
        if checkpoint:
            load_weights(self.net, name, checkpoint, dict(kwargs or {}))

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 3, H, W)`` -> ``(B, C, h, w)``."""
        features: Tensor = self.net(images)[0]
        return features.permute(0, 3, 1, 2).contiguous() if self._channels_last else features

    @torch.no_grad()
    def feature_shape(self, image_size: tuple[int, int]) -> tuple[int, int, int]:
        """``(C, h, w)`` of the features of one image of ``(H, W)`` pixels; buffers stay as they are.

        Raises ``UserError`` for a model that takes no images of this size, or whose features are no maps.
        """
        was_training = self.training
        self.eval()
        parameter = next(self.parameters())
        image = torch.zeros(1, 3, *image_size, device=parameter.device, dtype=parameter.dtype)
        try:
            shape = self(image).shape
        except (AssertionError, RuntimeError, ValueError) as error:
            height, width = image_size
            reason = " ".join(str(error).split())[:120].rstrip(".")
            raise UserError(
                f"model.backbone.name={self.name} takes no images of {height}x{width} pixels ({reason}): set data.transform.size "
                f"to its own size, or +model.backbone.kwargs.img_size={height} where it can be built for another"
            ) from error
        finally:
            self.train(was_training)
        # timm says what a stage should have; what comes out decides
        if len(shape) != 4 or shape[1] != _said_channels(self.net):
            raise UserError(
                f"model.backbone.name={self.name} gives features {tuple(shape)} that are no (B, C, H, W): choose another "
                "model, such as resnet50, convnext_tiny or vit_small_patch16_224"
            )
        return int(shape[1]), int(shape[2]), int(shape[3])


def load_weights(net: nn.Module, name: str, checkpoint: str, kwargs: Mapping[str, Any]) -> None:
    """Loads every tensor of ``net``, features of the timm model ``name``, from a local file.

    The file is a timm state dict of the whole model, which ``kwargs`` shape, or a checkpoint of one of our runs. Raises
    ``UserError``, and changes nothing, for a file of another architecture and for what is no file of weights.
    """
    path = Path(checkpoint)
    if not path.is_file():
        raise UserError(f"model.backbone.checkpoint: no file {path}")
    state = _read(path)
    if any(key.startswith(_PREFIX) for key in state):
        state = {key.removeprefix(_PREFIX): value for key, value in state.items() if key.startswith(_PREFIX)}
    else:
        state = _timm_state(name, path, state, net, kwargs)
    own = net.state_dict()
    wrong = [key for key, value in own.items() if key not in state or state[key].shape != value.shape]
    if wrong:
        raise UserError(
            f"model.backbone.checkpoint: {path} is of another architecture than {name}: {len(wrong)} of "
            f"{len(own)} tensors are missing or of another shape, the first is {wrong[0]}"
        )
    net.load_state_dict({key: state[key] for key in own})


def check_name(name: str) -> None:
    """Raises ``UserError`` with the nearest names for a model that timm does not know."""
    if not timm.is_model(name.partition(".")[0]):
        near = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0.4)
        hint = f"; the nearest names are {', '.join(near)}" if near else ""
        raise UserError(f"model.backbone.name: timm knows no {name!r}{hint}")


def _said_channels(net: nn.Module) -> int:
    """The channels that timm announces for the one stage that was asked for."""
    info = net.feature_info
    assert isinstance(info, FeatureInfo)
    return int(info.channels()[0])


def _create(name: str, pretrained: bool, out_index: int, kwargs: dict[str, Any]) -> nn.Module:
    check_name(name)
    try:
        net: nn.Module = timm.create_model(
            name, pretrained=pretrained, features_only=True, out_indices=(out_index,), **kwargs
        )
    except TypeError as error:
        raise UserError(f"model.backbone.kwargs: {name} does not take them: {error}") from error
    except (IndexError, AssertionError, ValueError) as error:
        raise UserError(f"model.backbone.out_index: {name} has no stage {out_index}") from error
    except RuntimeError as error:
        raise UserError(f"model.backbone.name: {name} cannot be cut into stages: {error}") from error
    except OSError as error:  # requests', urllib's and huggingface_hub's network errors all derive from it
        raise UserError(
            f"model.backbone.pretrained: the weights of {name} cannot be had from the hub ({type(error).__name__}); "
            "give a local file as model.backbone.checkpoint=FILE instead"
        ) from error
    return net


def _shrink_stem(net: nn.Module, name: str) -> None:
    modules = dict(net.named_children())
    norm = modules.get("bn1")
    if not {"conv1", "bn1", "maxpool"} <= set(modules) or not isinstance(norm, nn.BatchNorm2d):
        raise UserError(
            f"model.backbone.small_stem: {name} has no ResNet stem; it works with resnet* models only"
        )
    conv = nn.Conv2d(3, norm.num_features, kernel_size=3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    net.add_module("conv1", conv)
    net.add_module("maxpool", nn.Identity())


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(str(path)))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises almost anything on a foreign file
        reason = message_of(error)[:120]
        raise UserError(f"model.backbone.checkpoint: {path} cannot be read as weights: {reason}") from error
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    tensors = (
        {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, dict)
        else {}
    )
    if not tensors:
        raise UserError(f"model.backbone.checkpoint: {path} holds no state dict")
    return tensors


def _timm_state(
    name: str, path: Path, state: dict[str, Tensor], net: nn.Module, kwargs: Mapping[str, Any]
) -> dict[str, Tensor]:
    """A whole timm model's weights under the names that the cut model uses: the same, flattened (stages.0 -> stages_0), or
    below ``model.``, where a transformer is wrapped whole."""
    whole = timm.create_model(name, pretrained=False, **kwargs).state_dict()
    matching = [key for key, value in whole.items() if key in state and state[key].shape == value.shape]
    if len(matching) < len(whole) - 2:  # the classifier's weight and bias may be of another number of classes
        wrong = next(key for key in whole if key not in matching)
        raise UserError(
            f"model.backbone.checkpoint: {path} is of another architecture than {name}: {len(whole) - len(matching)} of "
            f"{len(whole)} tensors are missing or of another shape, the first is {wrong}"
        )
    own = set(net.state_dict())
    renamed = {}
    for key in matching:
        head, _, rest = key.partition(".")
        names = (key, f"{head}_{rest}", f"model.{key}")
        renamed[next((name for name in names if name in own), key)] = state[key]
    return renamed
