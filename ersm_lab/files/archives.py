"""Unpacking archives without letting them write anywhere else."""

from __future__ import annotations

import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.files.atomic import make_folder

ENDINGS = (".tgz", ".tar.gz", ".tar", ".zip")
# what the standard library raises for damaged, truncated or encrypted archives
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    ValueError,
    OSError,
)


def archive_of(root: Path) -> Path | None:
    """The archive that unpacks to ``root``: ``root`` itself if it is a file, or the one beside it, or None."""
    if root.is_file():
        return root
    return next((path for ending in ENDINGS if (path := root.with_name(root.name + ending)).is_file()), None)


def stem_of(name: str) -> str | None:
    """The name of an archive without its ending; None for other files."""
    return next((name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)), None)


def folder_or_archive(root: Path, sums: Mapping[str, str] | None = None) -> Path:
    """``root``, unpacked from an archive beside it (``root.tgz``, ``.tar.gz``, ``.tar``, ``.zip``) when it is missing.

    ``root`` may itself name the archive. ``sums``: published MD5 sums by the archive's name, checked before unpacking.
    Raises ``UserError`` that says where it looked and what to put there.
    """
    if root.is_dir():
        return root
    archive = archive_of(root)
    if archive is None:
        looked = ", ".join([str(root), *(root.name + ending for ending in ENDINGS)])
        raise UserError(
            f"no data set: looked for {looked}; put the folder or the archive there, or set data.root=FOLDER"
        )
    stem = stem_of(archive.name)
    if stem is None:
        raise UserError(f"{archive} is neither a folder nor an archive ({', '.join(ENDINGS)})")
    target = archive.with_name(stem)
    if target.is_dir():
        return target
    published = (sums or {}).get(archive.name)
    if published is not None and (found := _md5(archive)) != published:
        raise UserError(
            f"{archive} is damaged or another file: its MD5 sum is {found}, the published one is {published}; "
            "download it again"
        )
    extract(archive, target)
    return target


def extract(archive: Path, target: Path) -> None:
    """Unpacks ``archive`` into the new folder ``target``; a single folder of the same name inside is not doubled.

    ``target`` appears whole or not at all, and several processes may ask for it at once.
    Raises ``UserError`` for members with absolute paths, ``..``, links that leave the folder, devices, or a damaged file;
    then nothing is left behind.
    """

    def unpack(folder: Path) -> None:
        _unpack(archive, folder)
        inner = folder / target.name
        if inner.is_dir() and [path.name for path in folder.iterdir()] == [target.name]:
            _lift(inner)

    make_folder(target, unpack)


def _lift(inner: Path) -> None:
    """The content of ``inner``, alone in its folder, takes its place."""
    outer = inner.parent
    # under another name first: it may hold something that is called as it is
    inner = inner.rename(outer / f".{inner.name}.lifted")
    for path in list(inner.iterdir()):
        path.rename(outer / path.name)
    inner.rmdir()


def _unpack(archive: Path, folder: Path) -> None:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                for member in packed.namelist():
                    if member.startswith(("/", "\\")) or ".." in Path(member).parts:
                        raise tarfile.FilterError(member)
                packed.extractall(folder)  # writes links as plain files
        else:
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        raise UserError(f"{archive} would write outside of its folder ({error}); not unpacked") from error
    except DAMAGED as error:
        raise UserError(f"{archive} cannot be unpacked: {' '.join(str(error).split())}") from error


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
