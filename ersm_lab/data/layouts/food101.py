"""Food-101 as published: ``food-101/`` with ``images/<class>/<id>.jpg`` and ``meta/{classes,train,test}.txt``."""

from __future__ import annotations

from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.data.splits import FileSplit, ImageData
from ersm_lab.files.archives import folder_or_archive

_MD5 = {"food-101.tar.gz": "85eeb15f3717b99a5da872d97d918f87"}


def read(root: Path) -> ImageData:
    """Train and test follow the set's own lists."""
    root = folder_or_archive(root, _MD5)
    if (root / "food-101").is_dir():
        root = root / "food-101"
    classes = _lines(root / "meta" / "classes.txt")
    label = {name: index for index, name in enumerate(classes)}

    def split(name: str) -> FileSplit:
        rows = _lines(root / "meta" / f"{name}.txt")
        if foreign := next((row for row in rows if row.partition("/")[0] not in label), None):
            raise UserError(
                f"{root / 'meta' / name}.txt lists {foreign}, a class that meta/classes.txt does not have"
            )
        files = [root / "images" / f"{row}.jpg" for row in rows]
        return FileSplit(files, [label[row.partition("/")[0]] for row in rows], root / "images")

    return ImageData(classes, split("train"), None, split("test"))


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise UserError(f"no {path}: {path.parents[1]} should be the unpacked food-101 folder")
    return [line.strip() for line in path.read_text().splitlines() if line.strip()]
