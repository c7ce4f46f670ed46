"""The identity of a data set: what it holds, not where it lies."""

from __future__ import annotations

import functools
import hashlib
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ersm_lab.data import version
from ersm_lab.errors import UserError
from ersm_lab.runs.hashing import canonical_hash

_ENDINGS = (".tgz", ".tar.gz", ".tar", ".zip")
_OTHER_NAMES = {"cifar10": "cifar-10-python"}  # the published archive is not named after the folder


def data_fingerprint(layout: str, root: Path, options: Mapping[str, Any]) -> str:
    """A digest that changes when the data change.

    Generated data are identified by their options and the generator's version, so that they need not exist
    yet; folders by the relative names and sizes of their files. An archive is the folder that it unpacks to,
    so that unpacking changes nothing. What was read is remembered for the life of the process.

    Raises ``UserError`` when a data set that cannot be generated is missing.
    """
    if layout in version.GENERATED:
        generator: dict[str, Any] = {"layout": layout, "version": version.GENERATED[layout]}
        rest = {key: value for key, value in options.items() if key != "source"}
        if "source" in options:
            source = dict(options["source"])
            if missing := {"layout", "root"} - set(source):
                raise UserError(f"data.options.source needs layout and root, but has no {sorted(missing)[0]}")
            folder = Path(source.pop("root"))
            content = data_fingerprint(source["layout"], folder, source.get("options") or {})
            generator["source"] = {**source, "content": content}
        return canonical_hash({**generator, "options": rest})[:32]
    return folder_fingerprint(root.absolute(), _OTHER_NAMES.get(layout))


@functools.cache
def folder_fingerprint(root: Path, other_name: str | None = None) -> str:
    """Digest of the sorted relative names and sizes below ``root``, or in the archive beside it.

    Parameters
    ----------
    root: a folder, an archive, or the folder that an archive beside it (``root.tgz``, ...) would unpack to.
    other_name: what the archive beside ``root``, and its folder, may be called too.
    """
    looked = [root, *([root.with_name(other_name)] if other_name else [])]
    files = next((found for place in looked if (found := _files(place)) is not None), None)
    if files is None:
        raise UserError(
            f"no data in {root} (nor in an archive {root.name}.tgz, .tar.gz, .tar or .zip beside it): put "
            "the data set there, or say where it is with data.root=FOLDER or paths.data=FOLDER"
        )
    if not files:
        raise UserError(
            f"the data folder {root} is empty: put the data set there, or say where it is with data.root=FOLDER"
        )
    lines = sorted(f"{name}\0{size}" for name, size in files.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _files(root: Path) -> dict[str, int] | None:
    """Sizes by relative name; None when there is neither folder nor archive."""
    if root.is_dir():
        return dict(_walk(root, "", set()))
    archives = [root, *(root.with_name(root.name + ending) for ending in _ENDINGS)]
    archive = next((path for path in archives if path.is_file()), None)
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
        stem = _stem(entry.name)
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
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        reason = " ".join(str(error).split())  # some of these are several lines long
        raise UserError(f"{archive} cannot be read as an archive: {reason}") from error
    files = {os.path.normpath(name): size for name, size in found}
    inner = f"{_stem(archive.name)}/"
    if files and all(name.startswith(inner) for name in files):
        files = {
            name.removeprefix(inner): size for name, size in files.items()
        }  # its only folder is not doubled
    return {name: n for name, n in files.items() if not any(p.startswith(".") for p in name.split("/"))}


def _stem(name: str) -> str | None:
    """The name of an archive without its ending; None for other files."""
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), None)
