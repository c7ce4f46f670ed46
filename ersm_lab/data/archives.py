"""Unpacking archives without letting them write anywhere else."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from ersm_lab.errors import UserError

_ENDINGS = (".tgz", ".tar.gz", ".tar", ".zip")


def folder_or_archive(root: Path, md5: str | None = None) -> Path:
    """``root``, unpacked from an archive beside it (``root.tgz``, ``.tar.gz``, ``.tar``, ``.zip``) when it is missing.

    ``root`` may itself name the archive. ``md5``: the published sum, checked before anything is unpacked.
    Raises ``UserError`` that says where it looked and what to put there.
    """
    if root.is_dir():
        return root
    archives = (
        [root]
        if root.is_file()
        else [p for p in (root.with_name(root.name + ending) for ending in _ENDINGS) if p.is_file()]
    )
    if not archives:
        looked = ", ".join([str(root), *(root.name + ending for ending in _ENDINGS)])
        raise UserError(
            f"no data set: looked for {looked}; put the folder or the archive there, or set data.root=FOLDER"
        )
    archive = archives[0]
    name = archive.name
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    target = archive.with_name(name)
    if target.is_dir():
        return target
    if md5 is not None and (found := _md5(archive)) != md5:
        raise UserError(
            f"{archive} is damaged or another file: its MD5 sum is {found}, the published one is {md5}; download it again"
        )
    extract(archive, target)
    return target


def extract(archive: Path, target: Path) -> None:
    """Unpacks ``archive`` into the new folder ``target``; a single folder of the same name inside is not doubled.

    Raises ``UserError`` for members with absolute paths, ``..``, links that leave the folder, devices, or a damaged file;
    then nothing is left behind.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as packed:
                    for member in packed.namelist():
                        if member.startswith(("/", "\\")) or ".." in Path(member).parts:
                            raise UserError(
                                f"{archive} would write outside of its folder ({member}); not unpacked"
                            )
                    packed.extractall(scratch)
            else:
                with tarfile.open(archive) as packed:
                    packed.extractall(scratch, filter="data")
        except tarfile.FilterError as error:
            raise UserError(f"{archive} would write outside of its folder ({error}); not unpacked") from error
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
            raise UserError(f"{archive} cannot be unpacked: {error}") from error
        content = list(Path(scratch).iterdir())
        inner = (
            content[0]
            if len(content) == 1 and content[0].is_dir() and content[0].name == target.name
            else Path(scratch)
        )
        if inner == Path(scratch):
            shutil.copytree(scratch, target)
        else:
            inner.rename(target)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
