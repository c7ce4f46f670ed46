"""Predictions as pictures of labelIds, for the official Cityscapes evaluator and its test server."""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.vision.cityscapes import CITYSCAPES
from ersm_lab.vision.labels import LabelTable


class LabelPictures:
    """The artifact folder ``export``: a PNG per picture, named after it. Raises ``UserError`` for labels of other data."""

    def __init__(self, store: ArtifactStore, table: LabelTable) -> None:
        if table.name != CITYSCAPES.name:
            raise UserError(
                f"evaluation.export=cityscapes needs Cityscapes' labels; these data have those of {table.name}"
            )
        self.table = table
        what = "LabelId pictures at the size of the label files; the official evaluator and test server take them."
        self.folder = store.folder("export", "Predictions", what)

    def write(self, name: str, classes: Tensor) -> None:
        """Predicted trainIds ``(H, W)``."""
        pixels = self.table.label_ids(classes.cpu().numpy())
        Image.fromarray(pixels).save(self.folder / f"{name}.png", compress_level=3)
