"""Scores of street scenes as the official Cityscapes evaluator gives them, and those of borders and thin structures.

Shapes: predictions, truths and instances ``(B, H, W)`` integer; ``L`` labels of the table, ``K`` evaluated
classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.metrics.boundaries import band_width, edge_ring, label_band
from ersm_lab.metrics.boundary_matching import IGNORED, boundary_f, boundary_matches, disk_radius
from ersm_lab.metrics.instance_weights import instance_counts
from ersm_lab.metrics.pair_counts import pair_counts
from ersm_lab.metrics.samples import SampledMetric
from ersm_lab.metrics.segmentation import check_labels, check_pair, mean_defined
from ersm_lab.metrics.street_scores import (
    Scores,
    band_iou,
    category_scores,
    class_iou,
    class_scores,
    instance_scores,
    street_accuracy,
)
from ersm_lab.vision.cityscapes import CITYSCAPES
from ersm_lab.vision.labels import IGNORE, LabelTable


class CityscapesScores(SampledMetric):
    """Class and category IoU, iIoU, pixel accuracy, boundary IoU, boundary F, trimap IoU, thin structures.

    IoU of classes and categories and both iIoU are those of
    ``cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling``, to rounding; everything is counted over
    the whole set, in sums, so batches and processes do not matter. Higher is better; all lie in [0, 1]; what
    neither prediction nor truth holds is NaN and left out of means.

    Rules for borders. Pixels whose truth is ignored are counted nowhere. *Boundary IoU* (Cheng et al., 2021):
    inner bands of ``max(1, round(ratio * diagonal))`` pixels, from sums over the set; ignored pixels are one
    more label that both maps share, so bands run along them too. *Boundary F* (DAVIS): mean over the images
    in which prediction or truth has a border of the class; 0 if only one has. *Trimap IoU*: class IoU over
    pixels within w of a border between two valid classes of the truth.

    Parameters
    ----------
    table: what the numbers mean. ids: ``"label"``: predictions and truths hold labelIds, as the official
        files do; ``"train"``: trainIds and 255, as networks and loaders do.
    boundary_ratio: of Boundary IoU, as a share of the diagonal. f_ratios: disks of Boundary F, likewise,
        ascending; ``()`` is none.
    trimap_widths: in pixels, ascending; ``()`` is none. boundaries: False leaves out every score of borders.
    per_sample: keep every image's counts, for the bootstrap; ``samples()`` gives them.

    >>> scores = CityscapesScores(ids="train", boundaries=False)
    >>> scores.update(torch.tensor([[[0, 1, 1, 13]]]), torch.tensor([[[0, 0, 1, 255]]]))
    >>> found = scores.compute()
    >>> float(found["miou"]), float(found["category_iou"])
    (0.5, 1.0)
    """

    confusion: Tensor
    instances: Tensor
    band: Tensor
    trimap: Tensor
    f_total: Tensor
    f_count: Tensor
    images: Tensor

    def __init__(
        self,
        table: LabelTable = CITYSCAPES,
        ids: str = "label",
        boundary_ratio: float = 0.005,
        f_ratios: Sequence[float] = (0.00088, 0.001875, 0.00375, 0.005, 0.008),
        trimap_widths: Sequence[int] = (1, 2, 4, 8, 16),
        boundaries: bool = True,
        per_sample: bool = False,
        **kwargs: object,
    ) -> None:
        labels, classes = len(table.labels), len(table.classes)
        super().__init__(labels * labels + 3 * labels, per_sample, **kwargs)
        if ids not in ("label", "train"):
            raise ValueError(f"ids is {ids!r}, but must be 'label' or 'train'")
        self.table, self.ids, self.boundaries, self.boundary_ratio = table, ids, boundaries, boundary_ratio
        self.f_ratios = tuple(f_ratios) if boundaries else ()
        self.trimap_widths = tuple(trimap_widths) if boundaries else ()
        self._void = next((label.id for label in table.labels if label.ignored), 0)
        rings = len(self.trimap_widths)
        # state shapes: what is counted, then labels or classes
        for name, shape, dtype in (
            ("confusion", (labels, labels), torch.int64),
            ("instances", (labels, 4), torch.float64),
            ("band", (3, labels), torch.int64),  # both, truth, prediction
            ("trimap", (rings, labels, labels), torch.int64),
            ("f_total", (classes, len(self.f_ratios)), torch.float64),
            ("f_count", (classes,), torch.int64),
            ("images", (2,), torch.int64),  # all, those with instances
        ):
            self.add_state(name, torch.zeros(*shape, dtype=dtype), dist_reduce_fx="sum")

    def update(
        self,
        prediction: Tensor,
        target: Tensor,
        instances: Tensor | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        """``prediction``, ``target`` and, for iIoU, the ``instances`` of the 16-bit instanceIds files, ``(B, H, W)``.

        ``names``: a file name per image, for errors. Raises ``UserError`` for maps of different size and for
        labels outside the table.
        """
        check_pair(prediction, target, names)
        prediction, target = self._label_ids(prediction, target, names)
        for i in range(len(target)):
            confusion, band = self._count(prediction[i], target[i])
            self.keep(torch.cat([confusion.flatten(), band.flatten()])[None])
            self.images[0] += 1
            if instances is not None:
                found = instance_counts(prediction[i], instances[i], self.table, names[i] if names else "")
                self.instances += found.to(self.instances.device)
                self.images[1] += 1

    def _label_ids(
        self, prediction: Tensor, target: Tensor, names: Sequence[str] | None
    ) -> tuple[Tensor, Tensor]:
        if self.ids == "label":
            check_labels(target, len(self.table.labels), None, names)
            check_labels(prediction, len(self.table.labels), None, names, "prediction")
            return prediction.to(torch.uint8), target.to(torch.uint8)
        classes = len(self.table.classes)
        check_labels(target, classes, IGNORE, names)
        check_labels(prediction, classes, None, names, "prediction")
        lookup = torch.full((256,), self._void, dtype=torch.uint8)
        lookup[:classes] = torch.from_numpy(self.table.to_id)
        lookup = lookup.to(target.device)
        return lookup[prediction.long()], lookup[target.long()]

    def _count(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Adds one image's labelIds, uint8, and gives its confusion ``(L, L)`` and its bands ``(3, L)``.

        Everything that pixels can be sorted by goes into one histogram.
        """
        labels = len(self.table.labels)
        band = torch.zeros_like(self.band)
        if not self.boundaries and target.device.type == "cpu":
            pairs = pair_counts(target.numpy(), prediction.cpu().numpy(), labels)
            confusion = torch.from_numpy(pairs).to(self.confusion.device)
            self.confusion += confusion
            return confusion, band
        rings = len(self.trimap_widths) + 1
        bands = 4 if self.boundaries else 1
        bins = labels * labels * bands * rings
        dtype = torch.int16 if bins <= torch.iinfo(torch.int16).max else torch.int32
        code = target.to(dtype) * labels + prediction
        if self.boundaries:
            ignored = torch.tensor([label.ignored for label in self.table.labels], device=target.device)
            void = ignored[target.int()]
            truth = target.masked_fill(void, IGNORED)
            guess = prediction.masked_fill(void, IGNORED)
            width = band_width(target.shape[0], target.shape[1], self.boundary_ratio)
            code = code * 2 + label_band(truth, width)
            code = code * 2 + label_band(guess, width)
            code = code * rings + edge_ring(truth, ~void, self.trimap_widths)
            if self.f_ratios:
                self._match(guess, truth)
        counts = torch.bincount(code.flatten(), minlength=bins)
        counts = counts.view(labels, labels, 2 if self.boundaries else 1, -1, rings).to(self.confusion.device)
        confusion = counts.sum((2, 3, 4))
        self.confusion += confusion
        if self.boundaries:
            band[0] = counts[:, :, 1, 1].sum(-1).diagonal()
            band[1] = counts[:, :, 1].sum((1, 2, 3))
            kept = [label.id for label in self.table.classes]
            band[2] = counts[kept][:, :, :, 1].sum((0, 2, 3))
            self.band += band
            self.trimap += counts.sum((2, 3))[..., :-1].cumsum(-1).movedim(-1, 0)
        return confusion, band

    def _match(self, guess: Tensor, truth: Tensor) -> None:
        table = torch.full((256,), IGNORED, dtype=torch.uint8)
        table[: len(self.table.labels)] = torch.from_numpy(self.table.to_train)
        classes = table.numpy()
        true = truth.cpu().numpy()
        # a predicted label that is not evaluated is a class of its own here, without a score, so that it still has borders
        predicted = classes[guess.cpu().numpy()]
        radii = [disk_radius(truth.shape[0], truth.shape[1], ratio) for ratio in self.f_ratios]
        matches = boundary_matches(predicted, classes[true], len(self.table.classes), radii)
        f = torch.from_numpy(boundary_f(matches)).to(self.f_total.device)
        self.f_total += f.nan_to_num()
        self.f_count += ~f[:, 0].isnan()

    def compute(self) -> Scores:
        """Scalars in float64.

        ``miou``, ``category_iou``, ``pixel_accuracy``, ``thin_iou``; with instances ``iiou``,
        ``category_iiou``; with boundaries ``boundary_iou``, ``thin_boundary_iou``, ``boundary_f_<ratio>``,
        ``thin_boundary_f_<ratio>``, ``trimap_iou_<w>px``; and by class or category, ``iou/<name>`` and so on.
        """
        confusion = self.confusion.cpu()
        found = class_scores("iou", "miou", class_iou(confusion, self.table), self.table)
        found["pixel_accuracy"] = street_accuracy(confusion, self.table)
        found |= category_scores(confusion, self.table)
        images, with_instances = self.images.tolist()
        if 0 < with_instances < images:
            raise UserError(
                f"iIoU needs the instanceIds of every image; {images - with_instances} of {images} have none"
            )
        if with_instances:
            found |= instance_scores(self.instances.cpu(), confusion, self.table)
        return found | self._border_scores() if self.boundaries else found

    def _border_scores(self) -> Scores:
        found = class_scores(
            "boundary_iou", "boundary_iou", band_iou(self.band.cpu(), self.table), self.table
        )
        for i, width in enumerate(self.trimap_widths):
            found[f"trimap_iou_{width}px"] = mean_defined(class_iou(self.trimap[i].cpu(), self.table))
        for i, ratio in enumerate(self.f_ratios):
            name = f"boundary_f_{ratio:g}"
            found |= class_scores(name, name, (self.f_total[:, i] / self.f_count).cpu(), self.table)
        return found

    def samples(self) -> dict[str, Tensor]:
        """Every image's counts, in the order of update: ``confusion (n, L, L)`` and ``band (n, 3, L)``, float64."""
        labels = len(self.table.labels)
        confusion, band = self.kept().split([labels * labels, 3 * labels], dim=1)
        return {"confusion": confusion.view(-1, labels, labels), "band": band.view(-1, 3, labels)}
