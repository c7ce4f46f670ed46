"""FoR-Net's loss: cross-entropy, Dice, and the selector against a soft boundary target (arXiv 2605.02764).

Shapes: logits ``(B, K, H, W)``, target ``(B, H, W)`` integer with ``ignore_index``, importance logit
``(B, 1, h, w)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FoRNetLossTerms(NamedTuple):
    """``total = ce + lambda_dice dice + lambda_selector selector``, scalars."""

    total: Tensor
    ce: Tensor
    dice: Tensor
    selector: Tensor


class FoRNetLoss(nn.Module):
    """``CE + lambda_dice Dice + lambda_selector L_sel`` (arXiv 2605.02764, training objective).

    CE is the mean over valid pixels; Dice is soft, over valid pixels, with smoothing 1, averaged over the
    classes present in the batch; L_sel is the binary cross-entropy of the importance logit against
    ``selector_target``, averaged over valid cells. With nothing valid CE and L_sel are 0, Dice is 1, and
    gradients are zeros.

    Parameters
    ----------
    num_classes: K. ignore_index: the label of pixels that do not count.
    lambda_dice, lambda_selector: weights, at least 0; a term with weight 0 is still reported.
    band: rings of dilation around a boundary cell. decay: the factor from ring to ring, in [0, 1].
    ohem_threshold: online hard example mining, an ablation: CE is the mean over pixels whose true class has a
        probability below this, in (0, 1]; None is off. ohem_min_share: at least this share of the valid
        pixels counts, the hardest.
    """

    def __init__(
        self,
        num_classes: int,
        ignore_index: int = 255,
        lambda_dice: float = 1.0,
        lambda_selector: float = 0.5,
        band: int = 2,
        decay: float = 0.5,
        ohem_threshold: float | None = None,
        ohem_min_share: float = 1 / 16,
    ) -> None:
        super().__init__()
        if num_classes < 2 or band < 0 or not 0 <= decay <= 1 or lambda_dice < 0 or lambda_selector < 0:
            raise ValueError(
                f"num_classes {num_classes} must be at least 2, band {band} and the weights {lambda_dice}, "
                f"{lambda_selector} at least 0, decay {decay} in [0, 1]"
            )
        if ohem_threshold is not None and not (0 < ohem_threshold <= 1 and 0 < ohem_min_share <= 1):
            raise ValueError(
                f"ohem_threshold {ohem_threshold} and ohem_min_share {ohem_min_share} must lie in (0, 1]"
            )
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.lambda_dice, self.lambda_selector = lambda_dice, lambda_selector
        self.band, self.decay = band, decay
        self.ohem_threshold, self.ohem_min_share = ohem_threshold, ohem_min_share

    def forward(
        self, logits: Tensor, target: Tensor, importance_logit: Tensor | None = None
    ) -> FoRNetLossTerms:
        """All terms, in at least float32. Without an importance logit (other networks) the selector term is 0."""
        with torch.autocast(logits.device.type, enabled=False):
            dtype = torch.promote_types(logits.dtype, torch.float32)
            log_prob = logits.to(dtype).log_softmax(1)
            target = target.long()
            valid = target != self.ignore_index
            index = torch.where(valid, target, 0)
            picked = log_prob.gather(1, index[:, None])[:, 0]
            ce = self._cross_entropy(picked, valid)
            dice = self._dice(log_prob.exp(), picked.exp(), index, valid)
            selector = ce.new_zeros(())
            if importance_logit is not None:
                cells, valid_cells = self.selector_target(target, importance_logit.shape[-2:])
                each = F.binary_cross_entropy_with_logits(
                    importance_logit.to(dtype), cells.to(dtype), reduction="none"
                )
                selector = (each * valid_cells).sum() / valid_cells.sum().clamp_min(1)
            total = ce + self.lambda_dice * dice + self.lambda_selector * selector
        return FoRNetLossTerms(total, ce, dice, selector)

    @torch.no_grad()
    def selector_target(self, target: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The soft boundary target and the valid cells, both ``(B, 1, *size)`` float32.

        A pixel is an edge if its 3x3 neighbourhood holds two valid classes; pixels to ignore neither make nor
        are one. A cell with an edge pixel is 1, the k-th ring of cells around those is ``decay ** k`` for k
        up to ``band``. A cell is valid when one of its pixels is; the target of others is 0.

        >>> target, valid = FoRNetLoss(2).selector_target(torch.tensor([[[0] * 4 + [1] * 12]]), (1, 4))
        >>> target.flatten().tolist()
        [1.0, 1.0, 0.5, 0.25]
        """
        valid = target != self.ignore_index
        labels = target.float()[:, None]
        mask = valid[:, None]
        high = F.max_pool2d(torch.where(mask, labels, -1.0), 3, 1, 1)
        low = -F.max_pool2d(torch.where(mask, -labels, -float(self.num_classes)), 3, 1, 1)
        edge = F.adaptive_max_pool2d((mask & (high != low)).float(), list(size))
        soft = edge
        for ring in range(1, self.band + 1):
            edge = F.max_pool2d(edge, 3, 1, 1)
            soft = torch.maximum(soft, edge * self.decay**ring)
        valid_cells = F.adaptive_max_pool2d(mask.float(), list(size))
        return soft * valid_cells, valid_cells

    def _cross_entropy(self, picked: Tensor, valid: Tensor) -> Tensor:
        counted = valid
        if self.ohem_threshold is not None:
            counted = self._hard(picked.detach().exp(), valid)
        return -(picked * counted).sum() / counted.sum().clamp_min(1)

    def _hard(self, probability: Tensor, valid: Tensor) -> Tensor:
        """The pixels whose true class is below the threshold, or the hardest ones when those are too few."""
        assert self.ohem_threshold is not None
        share = int(self.ohem_min_share * int(valid.sum()))
        threshold = torch.full((), self.ohem_threshold, dtype=probability.dtype, device=probability.device)
        if share:
            threshold = torch.maximum(threshold, probability[valid].kthvalue(share).values)
        return valid & (probability <= threshold)

    def _dice(self, prob: Tensor, picked: Tensor, index: Tensor, valid: Tensor) -> Tensor:
        # counted row by row and then summed: one long sum in float32 would lose digits
        rows = torch.arange(index.shape[0] * index.shape[1], device=index.device).view(*index.shape[:2], 1)
        place = (rows * self.num_classes + index).flatten()
        weight = valid.to(prob.dtype)
        flat = prob.new_zeros(rows.numel() * self.num_classes)
        overlap = flat.index_add(0, place, (picked * weight).flatten()).view(-1, self.num_classes).sum(0)
        truth = flat.index_add(0, place, weight.flatten()).view(-1, self.num_classes).sum(0)
        predicted = (prob * weight[:, None]).sum((0, 2, 3))
        dice = 1 - (2 * overlap + 1) / (predicted + truth + 1)
        present = truth > 0
        # with nothing valid the term is its constant 1, and no gradient comes of it
        mean = (dice * present).sum() / present.sum().clamp_min(1)
        return torch.where(present.any(), mean, 1.0 + mean)
