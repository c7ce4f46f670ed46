"""CamVid as published with SegNet: ``train/`` and ``trainannot/`` with ``train.txt``, and so for val and test; 11 is void."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ersm_lab.core.errors import UserError
from ersm_lab.data.scenes import SceneData, SceneSplit, paired
from ersm_lab.files.images import SUFFIXES
from ersm_lab.vision.camvid import CAMVID


def read(root: Path) -> SceneData:
    """The splits as their lists have them; a split without a list is its folder. ``test`` may be absent.

    Lists hold a picture and its labels per line, with folders of another machine: the file names count.
    """
    if not root.is_dir():
        raise UserError(
            f"no folder {root}: it should hold CamVid's train/, trainannot/, val/ and valannot/; set data.root or paths.data"
        )
    test = _split(root, "test") if (root / "test").is_dir() else None
    return SceneData(CAMVID, _split(root, "train"), _split(root, "val"), test)


def _split(root: Path, split: str) -> SceneSplit:
    pictures, truths = root / split, root / f"{split}annot"
    for folder in (pictures, truths):
        if not folder.is_dir():
            raise UserError(
                f"no folder {folder}: CamVid as published with SegNet has {split}/ and {split}annot/"
            )
    listing = root / f"{split}.txt"
    if listing.is_file():
        names, images, labels = _listed(listing, pictures, truths)
    else:
        names, images, labels = paired(_files(pictures), _files(truths), f"labels in {truths}", pictures)
    return SceneSplit(CAMVID, names, images, labels)


def _listed(listing: Path, pictures: Path, truths: Path) -> tuple[list[str], list[Path], list[Path]]:
    images: list[Path] = []
    labels: list[Path] = []
    for number, line in enumerate(listing.read_text().splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2:
            raise UserError(f"{listing}, line {number}: a picture and its labels are expected, not {line!r}")
        for folder, word, found in zip((pictures, truths), words, (images, labels), strict=True):
            path = folder / PurePosixPath(word).name
            if not path.is_file():
                raise UserError(f"no file {path}, which {listing.name} lists in line {number}")
            found.append(path)
    if not images:
        raise UserError(f"{listing} lists no pictures")
    names = [path.stem for path in images]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"{listing} lists {double} twice")
    return names, images, labels


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES}
