"""Cityscapes as published: ``leftImg8bit/<split>/<city>/`` and ``gtFine/<split>/<city>/``, labels as labelIds."""

from __future__ import annotations

from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.data.scenes import SceneData, SceneSplit, paired
from ersm_lab.vision.cityscapes import CITYSCAPES

_IMAGE = "_leftImg8bit.png"


def read(root: Path, coarse: bool = False) -> SceneData:
    """Train, val and, where its pictures are there, test.

    ``coarse`` adds ``train_extra`` with the labels of ``gtCoarse``. Labels are the official ``*_labelIds.png``, mapped by
    the official table; files of trainIds that the scripts make from polygons are not read. ``*_instanceIds.png``, where
    every picture has one, weigh instances.
    """
    if not root.is_dir():
        raise UserError(
            f"no folder {root}: it should hold Cityscapes' leftImg8bit/ and gtFine/; set data.root or paths.data"
        )
    for folder in ("leftImg8bit", "gtFine"):
        if not (root / folder).is_dir():
            raise UserError(
                f"no folder {root / folder}: unpack Cityscapes' {folder}_trainvaltest.zip in {root}"
            )
    train = _split(root, "train", "gtFine")
    if coarse:
        extra = _split(root, "train_extra", "gtCoarse")
        train = SceneSplit(
            CITYSCAPES,
            [*train.names, *extra.names],
            [*train.images, *extra.images],
            [*(train.labels or ()), *(extra.labels or ())],
        )
    test = _split(root, "test", "gtFine") if (root / "leftImg8bit" / "test").is_dir() else None
    return SceneData(CITYSCAPES, train, _split(root, "val", "gtFine"), test)


def _split(root: Path, split: str, kind: str) -> SceneSplit:
    pictures, truths = root / "leftImg8bit" / split, root / kind / split
    if not pictures.is_dir():
        raise UserError(f"no folder {pictures}: Cityscapes keeps the pictures of {split} there, by city")
    images = _files(pictures, _IMAGE)
    labels = _files(truths, f"_{kind}_labelIds.png")
    if not labels:
        if split == "test":  # the benchmark keeps them
            names = sorted(images)
            return SceneSplit(CITYSCAPES, names, [images[name] for name in names], None)
        if _files(truths, f"_{kind}_labelTrainIds.png"):
            raise UserError(
                f"{truths} holds labelTrainIds only: give the published *_{kind}_labelIds.png, which are mapped here by the "
                "official table"
            )
    names, files, found = paired(images, labels, f"{kind}_labelIds.png in {truths}", pictures)
    instances = _files(truths, f"_{kind}_instanceIds.png")
    complete = all(name in instances for name in names)
    return SceneSplit(
        CITYSCAPES, names, files, found, [instances[name] for name in names] if complete else None
    )


def _files(folder: Path, ending: str) -> dict[str, Path]:
    """Files by their ``<city>_<sequence>_<frame>``."""
    return {path.name.removesuffix(ending): path for path in folder.glob(f"*/*{ending}")}
