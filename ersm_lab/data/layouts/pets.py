"""Oxford-IIIT Pets as published: ``images/`` and ``annotations/`` with ``trainval.txt``, ``test.txt`` and ``trimaps/``."""

from __future__ import annotations

from pathlib import Path

from ersm_lab.data.archives import folder_or_archive
from ersm_lab.data.splits import FileSplit, ImageData
from ersm_lab.errors import UserError


def read(root: Path) -> ImageData:
    """37 breeds; the trimap's value 1 (pet) is the object, 2 the background, 3 the border between them."""
    if not root.is_dir():
        raise UserError(
            f"no data set in {root}: unpack images.tar.gz and annotations.tar.gz of Oxford-IIIT Pets into it"
        )
    images = folder_or_archive(root / "images")
    annotations = folder_or_archive(root / "annotations")
    rows = {split: _rows(annotations / f"{split}.txt") for split in ("trainval", "test")}
    names = {label: name.rpartition("_")[0] for part in rows.values() for name, label in part}
    order = sorted(names)

    def split(part: str) -> FileSplit:
        files = [images / f"{name}.jpg" for name, _ in rows[part]]
        trimaps = annotations / "trimaps"
        masks = [trimaps / f"{name}.png" for name, _ in rows[part]] if trimaps.is_dir() else None
        return FileSplit(files, [order.index(label) for _, label in rows[part]], images, masks, mask_value=1)

    return ImageData([names[label] for label in order], split("trainval"), None, split("test"))


def _rows(path: Path) -> list[tuple[str, int]]:
    if not path.is_file():
        raise UserError(f"no {path}: unpack annotations.tar.gz of Oxford-IIIT Pets beside images/")
    lines = [
        line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")
    ]
    return [(words[0], int(words[1])) for words in lines]
