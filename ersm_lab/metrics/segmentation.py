"""Scores of label maps from one confusion matrix over the whole set.

Shapes: predictions and truths ``(B, H, W)`` integer, classes ``K``, matrices ``(K, K)`` int64 with the truth
in rows. A class that neither prediction nor truth holds has no score (NaN) and is left out of means; it never
counts as 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from ersm_lab.core.errors import UserError


def check_labels(
    labels: Tensor,
    num_classes: int,
    ignore_index: int | None = 255,
    names: Sequence[str] | None = None,
    what: str = "label",
) -> None:
    """Raises ``UserError`` that gives the image's name for a value outside ``0 .. num_classes - 1`` and ``ignore_index``."""
    low, high = labels.amin(), labels.amax()
    if labels.numel() == 0 or (low >= 0 and high < num_classes):
        return
    wrong = (labels < 0) | (labels >= num_classes)
    if ignore_index is not None:
        wrong &= labels != ignore_index
    if not wrong.any():
        return
    image = int(wrong.flatten(1).any(1).nonzero()[0])
    values = labels[image][wrong[image]].unique()[:8].tolist()
    name = names[image] if names else f"image {image} of the batch"
    allowed = "" if ignore_index is None else f" and {ignore_index} (ignore)"
    raise UserError(f"{name} holds {what}s {values}; allowed are 0 to {num_classes - 1}{allowed}")


def check_pair(prediction: Tensor, target: Tensor, names: Sequence[str] | None = None) -> None:
    """Raises ``UserError`` for maps that are not ``(B, H, W)`` integers of one shape."""
    where = f" ({', '.join(names)})" if names else ""
    if prediction.shape != target.shape or prediction.dim() != 3:
        raise UserError(
            f"predictions of {tuple(prediction.shape)} do not fit labels of {tuple(target.shape)}{where}: both must be (B, H, W)"
        )
    if prediction.is_floating_point() or target.is_floating_point():
        raise UserError(
            f"predictions and labels must be integers, not {prediction.dtype} and {target.dtype}{where}"
        )


def confusion_matrix(
    prediction: Tensor,
    target: Tensor,
    num_classes: int,
    ignore_index: int | None = 255,
    names: Sequence[str] | None = None,
) -> Tensor:
    """Pixel counts ``(K, K)`` int64, truth in rows, over the pixels whose truth is not ``ignore_index``.

    Raises ``UserError`` that gives the image's name for other values, and for a prediction outside the
    classes.

    >>> confusion_matrix(torch.tensor([[[0, 1, 1]]]), torch.tensor([[[0, 0, 255]]]), 2).tolist()
    [[1, 1], [0, 0]]
    """
    check_pair(prediction, target, names)
    check_labels(target, num_classes, ignore_index, names)
    check_labels(prediction, num_classes, None, names, "prediction")
    side = num_classes + 1  # what is to ignore becomes one more row
    dtype = torch.int16 if side * num_classes <= torch.iinfo(torch.int16).max else torch.int32
    rows = target.to(dtype)
    if ignore_index is not None:
        rows = torch.where(target == ignore_index, num_classes, rows)
    code = (rows * num_classes + prediction.to(dtype)).flatten()
    return torch.bincount(code, minlength=side * num_classes).view(side, num_classes)[:num_classes]


def iou(confusion: Tensor) -> Tensor:
    """Intersection over union of each class, ``(K,)`` float64 in [0, 1]; NaN for absent classes; higher is better.

    >>> iou(torch.tensor([[2, 1, 0], [0, 1, 0], [0, 0, 0]])).tolist()
    [0.6666666666666666, 0.5, nan]
    """
    counts = confusion.double()
    hits = counts.diagonal(dim1=-2, dim2=-1)
    return hits / (counts.sum(-1) + counts.sum(-2) - hits)


def pixel_accuracy(confusion: Tensor) -> Tensor:
    """Share of pixels with the right class, in [0, 1]; NaN without pixels."""
    counts = confusion.double()
    return counts.trace() / counts.sum()


def class_accuracy(confusion: Tensor) -> Tensor:
    """Share of each class' pixels that are found, ``(K,)`` float64 in [0, 1]; NaN for classes absent from the truth."""
    counts = confusion.double()
    return counts.diagonal() / counts.sum(1)


def mean_defined(values: Tensor) -> Tensor:
    """Mean of what is not NaN; NaN when nothing is."""
    return values.nanmean() if values.numel() else values.new_full((), torch.nan)


class SegmentationScores(Metric):
    """Scores of one confusion matrix over everything seen; its state is a sum, so batches and processes do not matter.

    Parameters
    ----------
    num_classes: K. ignore_index: the label of pixels that do not count.
    thin: indices of classes that make thin structures.

    ``compute()`` gives ``miou``, ``pixel_accuracy``, ``mean_accuracy``, ``iou`` (K,), and ``thin_miou`` where
    classes are thin.

    >>> scores = SegmentationScores(2)
    >>> scores.update(torch.tensor([[[0, 1, 1, 1]]]), torch.tensor([[[0, 0, 1, 255]]]))
    >>> float(scores.compute()["miou"])
    0.5
    """

    full_state_update = False
    confusion: Tensor

    def __init__(
        self, num_classes: int, ignore_index: int = 255, thin: Sequence[int] = (), **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.num_classes, self.ignore_index, self.thin = num_classes, ignore_index, list(thin)
        self.add_state(
            "confusion", torch.zeros(num_classes, num_classes, dtype=torch.int64), dist_reduce_fx="sum"
        )

    def update(self, prediction: Tensor, target: Tensor, names: Sequence[str] | None = None) -> None:
        """``prediction`` and ``target`` ``(B, H, W)``; ``names``: a file name per image, for errors."""
        found = confusion_matrix(prediction, target, self.num_classes, self.ignore_index, names)
        self.confusion += found.to(self.confusion.device)

    def compute(self) -> dict[str, Tensor]:
        counts = self.confusion.cpu()  # a few numbers, in float64, which not every device has
        each = iou(counts)
        scores = {
            "miou": mean_defined(each),
            "pixel_accuracy": pixel_accuracy(counts),
            "mean_accuracy": mean_defined(class_accuracy(counts)),
            "iou": each,
        }
        if self.thin:
            scores["thin_miou"] = mean_defined(each[self.thin])
        return scores
