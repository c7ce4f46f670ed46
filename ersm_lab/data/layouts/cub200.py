"""Caltech-UCSD Birds 200-2011 as published: ``CUB_200_2011/`` with its text files; ``segmentations/`` gives masks."""

from __future__ import annotations

from pathlib import Path

from ersm_lab.data.archives import folder_or_archive
from ersm_lab.data.splits import FileSplit, ImageData
from ersm_lab.errors import UserError

_MD5 = "97eceeb196236b17998738112f37df78"  # of CUB_200_2011.tgz


def read(root: Path) -> ImageData:
    """Train and test follow the set's own files; masks where the segmentations have been unpacked too."""
    root = folder_or_archive(root, _MD5 if root.name == "CUB_200_2011" else None)
    if (root / "CUB_200_2011").is_dir():
        root = root / "CUB_200_2011"
    paths = _table(root / "images.txt")
    labels = _table(root / "image_class_labels.txt")
    in_train = _table(root / "train_test_split.txt")
    names = _table(root / "classes.txt")
    for name, table in (("image_class_labels.txt", labels), ("train_test_split.txt", in_train)):
        if missing := sorted(set(paths) ^ set(table)):
            raise UserError(
                f"{root / name} and images.txt do not list the same images: {missing[0]} is in one of them only"
            )
    segmentations = next(
        (p for p in (root / "segmentations", root.parent / "segmentations") if p.is_dir()), None
    )
    order = sorted(names, key=int)

    def split(flag: str) -> FileSplit:
        chosen = [key for key in paths if in_train[key] == flag]
        files = [root / "images" / paths[key] for key in chosen]
        masks = (
            [segmentations / Path(paths[key]).with_suffix(".png") for key in chosen]
            if segmentations
            else None
        )
        return FileSplit(files, [order.index(labels[key]) for key in chosen], root / "images", masks)

    return ImageData([names[key] for key in order], split("1"), None, split("0"))


def _table(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise UserError(f"no {path}: {path.parent} should be the unpacked CUB_200_2011 folder")
    rows = (line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip())
    return {key: value.strip() for key, value in rows}
