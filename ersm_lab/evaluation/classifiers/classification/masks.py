"""The masks of a split: what they are measured by, and what is written of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ersm_lab.core.protocols import Batch, Summary
from ersm_lab.evaluation.arms import Arms
from ersm_lab.evaluation.classifiers.classification.figures import histogram_figure
from ersm_lab.evaluation.classifiers.models import ClassifierSubject, token_classifier
from ersm_lab.metrics.localisation import MaskLocalisation
from ersm_lab.metrics.sparsity import MaskSparsity
from ersm_lab.runs.artifacts import ArtifactStore

_BINS = 20
_FREE_OF_SCALE = ("effective_share", "mask_entropy")
_SCALED = ("mean_keep", "share_above_half")  # under the masked mean the mask's scale means nothing
_OBJECT = ("mask_auroc", "pointing_game", "energy_inside")


@dataclass
class Masks:
    """The masks of a split, and what they are measured by."""

    grid: tuple[int, int]
    has_scale: bool
    keeps: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sparsity = MaskSparsity(_BINS, per_sample=True)
        self.of_maximum = MaskSparsity(_BINS)
        self.localisation = MaskLocalisation(self.grid, per_sample=True)
        self.names = [*_FREE_OF_SCALE, *(_SCALED if self.has_scale else ())]

    @classmethod
    def of(cls, subject: ClassifierSubject) -> Masks:
        model = token_classifier(subject)
        return cls(model.grid_size, model.pool == "mean")

    def update(self, keep: Tensor, batch: Batch) -> None:
        """``keep (B, N)`` in [0, 1], and the batch's object masks where it has some."""
        self.keeps.append(keep)
        self.sparsity.update(keep)
        self.of_maximum.update(keep / keep.amax(1, keepdim=True).clamp_min(torch.finfo(keep.dtype).tiny))
        if "mask" in batch:
            self.localisation.update(keep, batch["mask"].cpu())

    def maps(self) -> np.ndarray:
        """``(n, rows, columns)``."""
        return torch.cat(self.keeps).numpy().reshape(-1, *self.grid)

    @property
    def _has_objects(self) -> bool:
        return self.localisation.update_called

    def columns(self) -> dict[str, np.ndarray]:
        """A value per image."""
        found = {name: self.sparsity.samples()[name] for name in self.names}
        if self._has_objects:
            found |= {name: self.localisation.samples()[name] for name in _OBJECT}
        return {name: values.numpy() for name, values in found.items()}

    def means(self) -> Summary:
        """The same over all images."""
        found = {name: float(self.sparsity.compute()[name]) for name in self.names}
        if self._has_objects:
            found |= {name: float(self.localisation.compute()[name]) for name in _OBJECT}
        return dict(found)

    def write(self, store: ArtifactStore, index: np.ndarray) -> None:
        """The array ``masks``, and the table and the figure ``mask_histogram``: as they are, and scaled by their maxima."""
        store.array(
            "masks",
            "Keep probabilities",
            f"keep_prob (n, N), tokens of a {self.grid[0]}x{self.grid[1]} grid in raster order.",
            keep_prob=torch.cat(self.keeps).numpy().astype(np.float16),
            grid=np.array(self.grid),
            index=index,
        )
        edges = np.linspace(0, 1, _BINS + 1)
        share, share_raw = (
            metric.compute()["histogram"].numpy() for metric in (self.of_maximum, self.sparsity)
        )
        frame = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "share": share, "share_raw": share_raw})
        what = "Share of tokens per bin; `share` scales each mask by its largest value, `share_raw` does not."
        store.table("mask_histogram", frame, "Histogram of masks", what)
        curves = {"scaled by the image's maximum": share, "as it is": share_raw}
        figure = histogram_figure(edges, curves, "keep probability")
        store.figure("mask_histogram", figure, "Histogram of masks", what)


def draw_histograms(arms: Arms, store: ArtifactStore) -> None:
    """The figure ``mask_histogram`` of the arms that have masks."""
    histograms = arms.tables("mask_histogram")
    if not histograms:
        return
    first = next(iter(histograms.values()))[0]
    edges = np.append(first["low"].to_numpy(), first["high"].iloc[-1])
    shares = {
        arm: np.mean([frame["share"] for frame in frames], axis=0) for arm, frames in histograms.items()
    }
    figure = histogram_figure(edges, shares, "keep probability over its image's maximum")
    what = "Scaled by each image's largest value: under masked-mean pooling the scale is free."
    store.figure("mask_histogram", figure, "Histogram of masks", what)
