"""A folder of pictures of one's own, without labels."""

from __future__ import annotations

from pathlib import Path

from ersm_lab.data.pictures import PictureData, pictures_below


def read(root: Path) -> PictureData:
    """Every picture file below ``root``, sorted by name."""
    return pictures_below(root)
