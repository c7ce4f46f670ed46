"""CIFAR-10 in either form: the official ``cifar-10-batches-py``, or folders ``train/<class>`` and ``test/<class>``."""

from __future__ import annotations

from pathlib import Path

from torchvision.datasets import CIFAR10

from ersm_lab.core.errors import UserError
from ersm_lab.data.layouts import imagefolder
from ersm_lab.data.splits import ArraySplit, ImageData
from ersm_lab.files.archives import archive_of, folder_or_archive

_OFFICIAL = "cifar-10-batches-py"
_ARCHIVE = "cifar-10-python"
_MD5 = {"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"}


def read(root: Path) -> ImageData:
    """``root`` is the folder of class folders, ``cifar-10-batches-py`` itself, or a folder that holds one of the two."""
    place = root.with_name(_ARCHIVE)  # where it is when downloaded by hand; torchvision leaves it inside root
    if root.is_dir() or archive_of(root) is not None:
        root = folder_or_archive(root)
        place = root / _ARCHIVE
    for folder in (root, root / _OFFICIAL):
        if (folder / "data_batch_1").is_file():
            return _official(folder)
    folders = root / "cifar10" if (root / "cifar10" / "train").is_dir() else root
    if not (folders / "train").is_dir() and (place.is_dir() or archive_of(place) is not None):
        return _official(folder_or_archive(place, _MD5) / _OFFICIAL)
    return imagefolder.read(folders)


def _official(folder: Path) -> ImageData:
    if folder.name != _OFFICIAL:
        raise UserError(
            f"the official files of CIFAR-10 must lie in a folder named {_OFFICIAL}, not {folder.name}"
        )
    try:
        # torchvision checks the published sum of every file before it unpickles one
        train, test = (CIFAR10(str(folder.parent), train=part, download=False) for part in (True, False))
    except RuntimeError as error:
        raise UserError(
            f"the files in {folder} are not those of CIFAR-10 (their sums differ): download the archive again"
        ) from error
    return ImageData(
        list(train.classes),
        ArraySplit(train.data, train.targets, "train"),
        None,
        ArraySplit(test.data, test.targets, "test"),
    )
