"""Atomic writing of files and folders: each is whole or absent, also after a full disk or a kill.

What is written goes to a temporary place beside its target and is renamed over it when it is complete. A failure
removes the temporary place; a killed process leaves it behind under a hidden name that nobody reads.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.files.locks import wait_and_hold
from ersm_lab.files.strict_json import json_value

_FULL = (errno.ENOSPC, errno.EDQUOT)
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


@contextlib.contextmanager
def replacing(
    path: Path, *, when_full: str = "free some and run again", durable: bool = True
) -> Iterator[Path]:
    """A temporary file beside ``path``, of the same suffix, that takes its place when the block ends well.

    A full disk becomes a ``UserError`` that ends with ``when_full``; the previous file, if any, stays whole.
    ``durable``: the content reaches the disk before the name does, so that a power cut leaves one of both files too.
    """
    temporary: Path | None = None
    try:
        # making the temporary file can fail for want of space too
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(f"no space left on the disk for {path}; {when_full}") from error
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes ``text`` to ``path`` atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Writes ``value`` as strict JSON atomically; NaN and infinity become null."""
    write_text(path, json.dumps(json_value(value), indent=2) + "\n")


def write_with(path: Path, write: Callable[[Path], object]) -> None:
    """Lets ``write`` make a file atomically."""
    with replacing(path) as temporary:
        write(temporary)


def make_folder(
    folder: Path, fill: Callable[[Path], object], remedy: str = "free some space, or set paths.data"
) -> bool:
    """Makes ``folder`` by ``fill``, which is given an empty folder to write into; False where it is there already.

    Several processes may ask at once: one makes it, the others wait for it (a lock file stays beside it).
    Raises ``UserError``, ending with ``remedy``, when it cannot be written: now, or later on a disk that fills up.
    """
    if folder.is_dir():
        return False
    try:
        with wait_and_hold(folder.with_name(f".{folder.name}.lock")):
            if folder.is_dir():  # another process has made it while this one waited
                return False
            return _fill(folder, fill)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}; {remedy}") from error


def _fill(folder: Path, fill: Callable[[Path], object]) -> bool:
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        fill(temporary)
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    except OSError as error:
        if error.errno in _TAKEN and folder.is_dir():  # made by another process, where nothing can be locked
            return False
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return True
