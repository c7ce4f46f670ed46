"""FoR-Net's head: importance, nested Top-K masks, masked branches, decoder (arXiv 2605.02764).

Shapes: ``high (B, C, h, w)`` the backbone's last features, ``low (B, C_low, h_low, w_low)`` those after its
first stage, ``n = h w`` cells, ``F`` the ``channels`` projected features, ``K`` classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ersm_lab.papers.fornet.schema import SELECTIONS


class FoRNetOutput(NamedTuple):
    """What a segmentation network gives.

    ``logits (B, K, H, W)``; ``importance_logit (B, 1, h, w)`` float32, high = hard (None for networks without
    a selector); ``masks``: one ``(B, 1, h, w)`` of zeros and ones per branch (empty without selection).
    """

    logits: Tensor
    importance_logit: Tensor | None
    masks: list[Tensor]


def conv_bn_relu(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    """Convolution without bias that keeps the size, batch norm, ReLU."""
    padding = dilation * (kernel - 1) // 2
    conv = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def topk_masks(score: Tensor, ratios: Sequence[float]) -> list[Tensor]:
    """One mask of zeros and ones per ratio, ``(B, 1, h, w)``, with exactly ``clamp(round(r n), 1, n)`` ones per image.

    All come from one stable ranking of ``score (B, 1, h, w)``: they are nested, and ties break by position.
    Halves round to even, as Python's ``round`` does.

    >>> [int(mask.sum()) for mask in topk_masks(torch.zeros(1, 1, 4, 5), (0.1, 0.25, 1.0))]
    [2, 5, 20]
    """
    flat = score.flatten(1)
    cells = flat.shape[1]
    exporting = torch.compiler.is_exporting()
    if exporting:  # ONNX knows no stable sort; its own breaks ties by position too
        order = flat.sort(dim=1, descending=True).indices
    else:
        order = flat.argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(
        1, order, torch.arange(cells, device=flat.device).expand_as(order)
    )
    masks = []
    for ratio in ratios:
        # compared with the rank, never a slice of the order: the exported graph serves every size. ONNX rounds tensors only
        count: Tensor | int
        if exporting:
            count = (torch.ones_like(flat[0], dtype=torch.float64).sum() * ratio).round().clamp_min(1)
        else:
            count = max(1, round(ratio * cells))
        masks.append((rank < count).to(score.dtype).view_as(score))
    return masks


class Selector(nn.Module):
    """One importance logit per cell; in at least float32, for half precision makes ties that position then decides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = conv_bn_relu(channels, channels // 2, 3)
        self.head = nn.Conv2d(channels // 2, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        """``(B, channels, h, w)`` -> ``(B, 1, h, w)``."""
        body = self.body(features)
        # tensors without values, on which costs are counted, know no autocast
        device = "cpu" if body.is_meta else body.device.type
        with torch.autocast(device, enabled=False):
            dtype = torch.promote_types(body.dtype, torch.float32)
            bias = self.head.bias
            assert bias is not None
            return F.conv2d(body.to(dtype), self.head.weight.to(dtype), bias.to(dtype))


class Context(nn.Module):
    """``F + psi(GAP(F))``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // 4)
        self.psi = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.ReLU(inplace=True), nn.Conv2d(hidden, channels, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        """``(B, channels, h, w)`` -> the same shape."""
        added: Tensor = features + self.psi(features.mean((2, 3), keepdim=True))
        return added


class FoRNetHead(nn.Module):
    """Everything of FoR-Net behind the backbone (arXiv 2605.02764, section 3).

    Parameters
    ----------
    high_channels, low_channels: C and C_low. num_classes: K.
    channels: width of F and of the decoder (even). low_project: channels of the projected low features.
    topk_ratios: share of cells that each branch sees, in (0, 1]; 1.0 is no selection, with the
        straight-through gradient still there. kernels, dilations: of the branches; all three have one entry
        per branch.
    selection: ``"learned"``; ``"random"``: cells drawn at random in training, and one fixed draw per size in
        eval mode, without gradient to the importance; ``"none"``: every branch sees every cell, no
        straight-through gradient (the control). The importance logit exists in each, so that the selector
        loss can be kept.
    context: whether branches see ``F + psi(GAP(F))`` or F itself.
    branches: indices of the branches to build; None is all of them. ``()`` leaves F alone.

    Raises
    ------
    ValueError: settings out of range or of different lengths.
    """

    def __init__(
        self,
        high_channels: int,
        low_channels: int,
        num_classes: int,
        channels: int = 256,
        low_project: int = 48,
        topk_ratios: Sequence[float] = (0.1, 0.2, 0.3, 0.4),
        kernels: Sequence[int] = (1, 3, 5, 7),
        dilations: Sequence[int] = (1, 1, 1, 16),
        selection: str = "learned",
        context: bool = True,
        branches: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        _check(topk_ratios, kernels, dilations, selection, channels, branches)
        chosen = range(len(kernels)) if branches is None else branches
        self.topk_ratios = tuple(float(topk_ratios[i]) for i in chosen)
        self.selection = selection
        self.trans = conv_bn_relu(high_channels, channels, 1)
        self.selector = Selector(channels)
        self.context: nn.Module = Context(channels) if context else nn.Identity()
        self.branches = nn.ModuleList(
            conv_bn_relu(channels, channels, kernels[i], dilations[i]) for i in chosen
        )
        self.low_proj = conv_bn_relu(low_channels, low_project, 1)
        self.decoder = nn.Sequential(
            conv_bn_relu(channels + low_project, channels, 3), conv_bn_relu(channels, channels, 3)
        )
        self.classifier = nn.Conv2d(channels, num_classes, 1)

    def forward(self, high: Tensor, low: Tensor, size: Sequence[int]) -> FoRNetOutput:
        """``high (B, C, h, w)``, ``low (B, C_low, h_low, w_low)`` -> logits ``(B, K, *size)``, importance, masks."""
        features = self.trans(high)
        logit = self.selector(features)
        masks = self.masks(logit)
        seen = self.context(features)
        total = features
        for i, branch in enumerate(self.branches):
            total = total + branch(self._masked(seen, masks[i] if masks else None, logit))
        up = F.interpolate(total, size=low.shape[-2:], mode="bilinear", align_corners=False)
        decoded = self.decoder(torch.cat([up, self.low_proj(low)], 1))
        logits = F.interpolate(
            self.classifier(decoded), size=list(size), mode="bilinear", align_corners=False
        )
        return FoRNetOutput(logits, logit, masks)

    def masks(self, importance_logit: Tensor) -> list[Tensor]:
        """The branches' masks for an importance ``(B, 1, h, w)``; empty without selection."""
        if self.selection == "none":
            return []
        score = importance_logit.detach()
        if self.selection == "random":
            if self.training:
                score = torch.rand_like(score)
            else:  # one draw per size, whatever else is in the batch: a score must not depend on batching
                draw = torch.rand(
                    score.shape[1:], generator=torch.Generator().manual_seed(0), dtype=score.dtype
                )
                score = draw.to(score.device).expand_as(score)
        return topk_masks(score, self.topk_ratios)

    def _masked(self, features: Tensor, mask: Tensor | None, logit: Tensor) -> Tensor:
        if mask is None:
            return features
        if self.selection == "learned" and torch.is_grad_enabled() and not torch.compiler.is_exporting():
            importance = logit.sigmoid()
            # the difference first: it is exactly zero, so that the mask stays exactly zeros and ones
            mask = mask + (importance - importance.detach())
        return features * mask.to(features.dtype)


def _check(
    ratios: Sequence[float],
    kernels: Sequence[int],
    dilations: Sequence[int],
    selection: str,
    channels: int,
    branches: Sequence[int] | None,
) -> None:
    if not len(ratios) == len(kernels) == len(dilations):
        raise ValueError(
            f"topk_ratios, kernels and dilations need one entry per branch, not {len(ratios)}, {len(kernels)} "
            f"and {len(dilations)}"
        )
    if not all(0 < ratio <= 1 for ratio in ratios):
        raise ValueError(f"topk_ratios must lie in (0, 1], not {tuple(ratios)}")
    if not all(kernel % 2 for kernel in kernels) or not all(dilation >= 1 for dilation in dilations):
        raise ValueError(f"kernels {tuple(kernels)} must be odd and dilations {tuple(dilations)} at least 1")
    if selection not in SELECTIONS:
        raise ValueError(f"selection is {selection!r}, but must be one of {', '.join(SELECTIONS)}")
    if channels < 2 or channels % 2:
        raise ValueError(f"channels must be even and at least 2, not {channels}")
    if branches is not None and not all(0 <= i < len(kernels) for i in branches):
        raise ValueError(f"branches {tuple(branches)} must be indices below {len(kernels)}")
