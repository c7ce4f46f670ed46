"""Caltech-UCSD Birds 200-2011 as published: ``CUB_200_2011/`` with its text files; ``segmentations/`` gives masks."""

from __future__ import annotations

from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.data.splits import FileSplit, ImageData
from ersm_lab.files.archives import archive_of, folder_or_archive

_MD5 = {
    "CUB_200_2011.tgz": "97eceeb196236b17998738112f37df78",
    "segmentations.tgz": "4d47ba1228eae64f2fa547c47bc65255",
}


def read(root: Path) -> ImageData:
    """Train and test follow the set's own files; masks where ``segmentations`` (or its archive) lies in or beside ``root``.

    A pixel is object when any annotator marked it.
    """
    given = root
    root = folder_or_archive(root, _MD5)
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
    # the published archive has a second entry beside the folder, so the folder may lie one level deeper than was given
    places = [folder / "segmentations" for folder in (root, root.parent, given.parent)]
    place = next((p for p in places if p.is_dir() or archive_of(p) is not None), None)
    segmentations = None if place is None else folder_or_archive(place, _MD5)
    order = sorted(names, key=int)
    if unknown := sorted(set(labels.values()) - set(names)):
        raise UserError(
            f"{root}/image_class_labels.txt has class {unknown[0]}, which classes.txt does not list"
        )

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
    rows = [line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip()]
    if bad := next((row for row in rows if len(row) != 2 or not row[0].isdigit()), None):
        raise UserError(f"{path} should have a number and a value on every line, not {' '.join(bad)!r}")
    return {key: value.strip() for key, value in rows}
