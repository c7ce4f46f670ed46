"""Oxford-IIIT Pets as published: ``images/`` and ``annotations/`` with ``trainval.txt``, ``test.txt`` and ``trimaps/``."""

from __future__ import annotations

from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.data.splits import FileSplit, ImageData
from ersm_lab.files.archives import folder_or_archive

_MD5 = {
    "images.tar.gz": "5c4f3ee8e5d25df40f4fd59a7f44e54c",
    "annotations.tar.gz": "95a8c909bbe2e81eed6a22bccdf3f68f",
}


def read(root: Path) -> ImageData:
    """37 breeds; the trimap's value 1 (pet) is the object, 2 the background, 3 the border between them."""
    if not root.is_dir():
        raise UserError(
            f"no data set in {root}: unpack images.tar.gz and annotations.tar.gz of Oxford-IIIT Pets into it"
        )
    images = folder_or_archive(root / "images", _MD5)
    annotations = folder_or_archive(root / "annotations", _MD5)
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
    if bad := next((words for words in lines if len(words) < 2 or not words[1].isdigit()), None):
        raise UserError(f"{path} should list a name and a class number on every line, not {' '.join(bad)!r}")
    return [(words[0], int(words[1])) for words in lines]
