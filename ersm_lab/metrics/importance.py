"""Does an importance map point at what is hard?

Shapes: scores ``(B, H, W)`` float, high = important; events ``(B, H, W)`` bool (an error, a border); masks of
cells ``(B, 1, h, w)``.

Three scores are compared on the same pixels: the importance logit, ``1 - max softmax`` and nearness to a
predicted border. Whatever looks at borders alone finds most errors: the last two are what a selector has to beat.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric

from ersm_lab.metrics.boundaries import border_distance, class_edges
from ersm_lab.metrics.seams import mask_pixels

BINS = 4096
_RANGE = 16.0  # of log-odds
SCORES = ("importance", "uncertainty", "nearness")
EVENTS = ("errors", "boundaries")


def score_histogram(score: Tensor, event: Tensor, bins: int = BINS, span: float = _RANGE) -> Tensor:
    """Counts ``(2, bins)`` int64 of scores without and with the event; scores beyond ``-span .. span`` lie in the end bins.

    Scores and events are flat. Histograms add up over images and processes, which sorted scores do not.
    """
    place = ((score.double() + span) * (bins / (2 * span))).clamp(0, bins - 1).long()
    return torch.bincount(event.long() * bins + place, minlength=2 * bins).view(2, bins)


def average_precision(histogram: Tensor) -> Tensor:
    """``sum (R_n - R_(n-1)) P_n`` over thresholds from high to low, in [0, 1]; the scores of a bin are tied.

    Higher is better; chance is the base rate of the event. NaN without events. Mirrors scikit-learn's
    ``average_precision_score`` of the binned scores.

    >>> float(average_precision(torch.tensor([[1, 0, 0], [0, 0, 2]])))
    1.0
    """
    absent, present = histogram.double().flip(-1)
    hits, all_of = present.cumsum(0), (present + absent).cumsum(0)
    precision = torch.where(all_of > 0, hits / all_of, 0.0)
    area: Tensor = (present * precision).sum() / hits[-1]
    return area


def uncertainty(logits: Tensor) -> Tensor:
    """``1 - max softmax`` of ``(B, K, H, W)`` as log-odds, ``(B, H, W)``: the same ranking, with digits left near 0 and 1."""
    best, index = logits.float().max(1, keepdim=True)
    rest = logits.float().scatter(1, index, -torch.inf).logsumexp(1, keepdim=True)
    return (rest - best)[:, 0]


class ImportanceQuality(Metric):
    """Average precision of importance maps against true errors and borders, and the share of borders that masks cover.

    An error is a pixel whose predicted class is wrong; a border pixel's 3x3 window holds two neighbours of
    different valid classes; pixels to ignore count nowhere. Importance is upsampled bilinearly to the pixels,
    masks by nearest neighbour. States are sums.

    Parameters
    ----------
    ratios: the Top-K ratio of each mask, for names; ``()`` for networks without masks. ignore_index: the
        label not to count.

    ``compute()`` gives ``<score>_ap_<event>`` for the scores importance, uncertainty (1 - max softmax) and
    nearness (to a predicted border) and the events errors and boundaries; ``base_rate_<event>``;
    ``coverage_<ratio>``, the share of border pixels in selected cells, and ``coverage_chance_<ratio>``, the
    share of all pixels there.
    """

    full_state_update = False
    histograms: Tensor
    covered: Tensor

    def __init__(self, ratios: Sequence[float] = (), ignore_index: int = 255, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.ratios, self.ignore_index = tuple(ratios), ignore_index
        shape = (len(SCORES), len(EVENTS), 2, BINS)
        self.add_state("histograms", torch.zeros(shape, dtype=torch.int64), dist_reduce_fx="sum")
        # per ratio: border pixels and all pixels in selected cells
        self.add_state("covered", torch.zeros(len(self.ratios), 2, dtype=torch.int64), dist_reduce_fx="sum")

    def update(
        self, logits: Tensor, target: Tensor, importance_logit: Tensor | None, masks: Sequence[Tensor] = ()
    ) -> None:
        """Logits ``(B, K, H, W)``, target ``(B, H, W)``, importance ``(B, 1, h, w)`` (None: that score stays NaN), masks."""
        if len(masks) != len(self.ratios):
            raise ValueError(f"{len(self.ratios)} ratios were announced, but {len(masks)} masks came")
        valid = target != self.ignore_index
        prediction = logits.argmax(1)
        border = class_edges(target, valid) & valid
        events = {"errors": (prediction != target)[valid], "boundaries": border[valid]}
        size = target.shape[-2:]
        # a logarithm of the distance: the same ranking, and 3,000 pixels are within range
        nearness = -2 * border_distance(prediction).log1p()
        scores: dict[str, Tensor] = {"uncertainty": uncertainty(logits), "nearness": nearness}
        if importance_logit is not None:
            scores["importance"] = F.interpolate(
                importance_logit.float(), size=size, mode="bilinear", align_corners=False
            )[:, 0]
        for name, score in scores.items():
            for j, event in enumerate(EVENTS):
                found = score_histogram(score[valid], events[event])
                self.histograms[SCORES.index(name), j] += found.to(self.histograms.device)
        for i, mask in enumerate(masks):
            inside = mask_pixels(mask, size)
            covered = torch.stack([(inside & border).sum(), (inside & valid).sum()])
            self.covered[i] += covered.to(self.covered.device)

    def compute(self) -> dict[str, Tensor]:
        histograms = self.histograms.cpu()
        every = SCORES.index("uncertainty")  # the score that each network has
        found: dict[str, Tensor] = {}
        for j, event in enumerate(EVENTS):
            for i, name in enumerate(SCORES):
                found[f"{name}_ap_{event}"] = average_precision(histograms[i, j])
            counts = histograms[every, j].sum(-1).double()
            found[f"base_rate_{event}"] = counts[1] / counts.sum()
        pixels = histograms[every, EVENTS.index("boundaries")].sum(-1).double()
        for i, ratio in enumerate(self.ratios):
            borders, everything = self.covered[i].cpu().double()
            found[f"coverage_{ratio:g}"] = borders / pixels[1]
            found[f"coverage_chance_{ratio:g}"] = everything / pixels.sum()
        return found
