"""Labelled images for learners of single pictures: the splits of a layout, pixels as they are, no classes for the model."""

from __future__ import annotations

from ersm_lab.data.module import ImageDataModule


class LabelledPictureModule(ImageDataModule):
    """``ImageDataModule`` whose labels are for the evaluation alone: nothing of them is told to the model."""

    def model_settings(self) -> dict[str, object]:
        return {}
