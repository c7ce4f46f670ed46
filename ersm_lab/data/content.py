"""What the files of a data set are: a digest of names and sizes, the same before and after unpacking. No torch here."""

from __future__ import annotations

import functools
import hashlib
import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ersm_lab.core.errors import UserError
from ersm_lab.data.schema import SourceConfig
from ersm_lab.data.version import generated
from ersm_lab.files.archives import DAMAGED, archive_of, stem_of

_OTHER_NAMES = {"cifar10": "cifar-10-python"}  # the published archive is not named after the folder
_BESIDE = {"cub200": "segmentations"}  # masks are published by themselves, and lie in the root or beside it


def layout_fingerprint(layout: str, root: Path) -> str:
    """Digest of all files that the layout reads for ``root``; see ``folder_fingerprint``."""
    return folder_fingerprint(root.absolute(), _OTHER_NAMES.get(layout), _BESIDE.get(layout))


def source_content(layout: str, root: Path, options: Mapping[str, Any]) -> str:
    """Identity of what a data set holds: of the generator's version (and of what it was made from), or of the files.

    Raises ``UserError`` when files are neither there nor generated.
    """
    versions = generated()
    if layout not in versions:
        return layout_fingerprint(layout, root)
    made_by = f"{layout} version {versions[layout]}"
    source = SourceConfig.named_in(options)
    if source is None:
        return made_by
    return f"{made_by} of {source_content(source.layout, Path(source.root), source.options)}"


@functools.cache
def folder_fingerprint(root: Path, other_name: str | None = None, beside: str | None = None) -> str:
    """Digest of the sorted relative names and sizes below ``root``, or in the archive beside it.

    Parameters
    ----------
    root: a folder, an archive, or the folder that an archive beside it (``root.tgz``, ...) would unpack to.
    other_name: what the archive beside ``root``, and its folder, may be called too.
    beside: a folder (or its archive) next to ``root`` that belongs to the data, unless ``root`` holds one of that name.

    Raises ``UserError``: nothing there, an empty folder, a damaged archive, a link that leads nowhere.
    """
    looked = [root, *([root.with_name(other_name)] if other_name else [])]
    files = next((found for place in looked if (found := _files(place)) is not None), None)
    if files is None:
        raise UserError(
            f"no data in {root} (nor in an archive {root.name}.tgz, .tar.gz, .tar or .zip beside it): put "
            "the data set there (ersm-lab doctor says how to get it), or say where it is with data.root=FOLDER or paths.data=FOLDER"
        )
    if not files:
        raise UserError(
            f"the data folder {root} is empty: put the data set there, or say where it is with data.root=FOLDER"
        )
    # the published archive has a second entry beside its folder, so the data may lie one level deeper than ``root``
    if beside and not any(beside in name.split("/")[:-1][:2] for name in files):
        files |= {f"../{beside}/{name}": size for name, size in (_files(root.parent / beside) or {}).items()}
    lines = sorted(f"{name}\0{size}" for name, size in files.items())
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _files(root: Path) -> dict[str, int] | None:
    """Sizes by relative name; None when there is neither folder nor archive."""
    if root.is_dir():
        return dict(_walk(root, "", set()))
    archive = archive_of(root)
    return None if archive is None else _members(archive)


def _walk(folder: Path | str, prefix: str, above: set[tuple[int, int]]) -> Iterator[tuple[str, int]]:
    stat = os.stat(folder)
    here = (stat.st_dev, stat.st_ino)
    if here in above:  # a link to a folder that this one lies in
        return
    with os.scandir(folder) as listing:
        entries = [entry for entry in listing if not entry.name.startswith(".")]
    names = {entry.name for entry in entries}
    for entry in entries:
        if entry.is_dir():
            yield from _walk(entry.path, f"{prefix}{entry.name}/", above | {here})
            continue
        stem = stem_of(entry.name)
        if stem is not None and stem in names:
            continue  # unpacked already: its folder counts
        try:
            if stem is None:
                yield prefix + entry.name, entry.stat().st_size
            else:
                yield from ((f"{prefix}{stem}/{name}", n) for name, n in _members(Path(entry.path)).items())
        except FileNotFoundError:
            raise UserError(f"{entry.path} is a link to a file that does not exist") from None


def _members(archive: Path) -> dict[str, int]:
    """What unpacking ``archive`` would write, as ``_walk`` would list it afterwards."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                found = [(info.filename, info.file_size) for info in packed.infolist() if not info.is_dir()]
        else:
            with tarfile.open(archive) as packed:
                found = [(info.name, info.size) for info in packed if info.isfile()]
    except DAMAGED as error:
        reason = " ".join(str(error).split())  # some of these are several lines long
        raise UserError(f"{archive} cannot be read as an archive: {reason}") from error
    files = {os.path.normpath(name): size for name, size in found}
    inner = f"{stem_of(archive.name)}/"
    if files and all(name.startswith(inner) for name in files):
        # its only folder is not doubled
        files = {name.removeprefix(inner): size for name, size in files.items()}
    return {name: n for name, n in files.items() if not any(p.startswith(".") for p in name.split("/"))}
