"""``<root>/<split>/<class>/<picture>``, as torchvision's ImageFolder; masks, if any, in ``<root>/masks/<split>/<class>/<stem>.png``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ersm_lab.core.errors import UserError
from ersm_lab.data.splits import FileSplit, ImageData, Subset, stratified_order
from ersm_lab.files.archives import folder_or_archive
from ersm_lab.files.images import SUFFIXES

_NAMES = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}


def read(root: Path, test_fraction: float = 0.2, test_seed: int = 0) -> ImageData:
    """Splits are the folders train, val and test. Without test, val is the test split; without any, test is carved."""
    if not 0 < test_fraction < 1:
        raise UserError(f"'data.options.test_fraction' is {test_fraction}, but must lie between 0 and 1")
    root = folder_or_archive(root)
    found = {
        split: root / name for split, names in _NAMES.items() for name in names if (root / name).is_dir()
    }
    if not found:
        classes = _classes(root, top=True)
        whole = _split(root, root, classes)
        order = stratified_order(whole.labels, test_seed)
        cut = len(order) - round(test_fraction * len(order))
        return ImageData(
            classes, Subset(whole, np.sort(order[:cut])), None, Subset(whole, np.sort(order[cut:]))
        )
    if "train" not in found:
        raise UserError(
            f"{root} has no folder train/, only {', '.join(sorted(path.name for path in found.values()))}"
        )
    if "test" not in found and "val" not in found:
        raise UserError(
            f"{root} has train/ but neither test/ nor val/; add one, or put the class folders directly into it"
        )
    classes = _classes(found["train"])
    for split, folder in found.items():
        if difference := sorted(set(classes) ^ set(_classes(folder))):
            shown = ", ".join(difference[:5]) + (", ..." if len(difference) > 5 else "")
            raise UserError(f"class folders differ between {found['train']} and {folder} ({split}): {shown}")
    splits = {split: _split(root, folder, classes) for split, folder in found.items()}
    if "test" not in splits:
        return ImageData(classes, splits["train"], None, splits["val"])
    return ImageData(classes, splits["train"], splits.get("val"), splits["test"])


def _classes(folder: Path, top: bool = False) -> list[str]:
    names = sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and not entry.name.startswith(".") and not (top and entry.name == "masks")
    )
    if not names:
        raise UserError(f"{folder} is empty: it needs a folder for every class, with pictures inside")
    return names


def _split(root: Path, folder: Path, classes: list[str]) -> FileSplit:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        files = (path for path in (folder / name).rglob("*") if path.suffix.lower() in SUFFIXES)
        pictures = sorted(path for path in files if not path.name.startswith("."))  # macOS leaves ._ files
        if not pictures:
            raise UserError(f"{folder / name} holds no picture ({', '.join(sorted(SUFFIXES))})")
        paths += pictures
        labels += [label] * len(pictures)
    masks = [root / "masks" / path.relative_to(root).with_suffix(".png") for path in paths]
    if not (root / "masks").is_dir():
        return FileSplit(paths, labels, root)
    if missing := next((mask for mask in masks if not mask.is_file()), None):
        raise UserError(f"no mask {missing}: every picture of {root} needs one, or none has")
    return FileSplit(paths, labels, root, masks)
