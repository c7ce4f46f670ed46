"""Predictions as pictures of labelIds, for the official evaluator of a data set and its test server."""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from ersm_lab.core.errors import UserError
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.vision.labels import LabelTable
from ersm_lab.vision.names import EXPORTS


class LabelPictures:
    """The artifact folder ``export``: a PNG per picture, named after it.

    form: one of ``vision.names.EXPORTS``. Raises ``UserError`` where the labels are not those of the format.
    """

    def __init__(self, store: ArtifactStore, table: LabelTable, form: str) -> None:
        if table.name != EXPORTS[form]:
            raise UserError(
                f"evaluation.export={form} needs {EXPORTS[form]}' labels; these data have those of {table.name}"
            )
        self.table = table
        what = "LabelId pictures at the size of the label files; the official evaluator and test server take them."
        self.folder = store.folder("export", "Predictions", what)

    def write(self, name: str, classes: Tensor) -> None:
        """Predicted trainIds ``(H, W)``."""
        pixels = self.table.label_ids(classes.cpu().numpy())
        Image.fromarray(pixels).save(self.folder / f"{name}.png", compress_level=3)
