"""Advisory locks on files, which the system lets go when their holder dies, however it dies.

On one machine they are exact. On a shared folder they are as good as the file system's ``flock``: NFS from version 3 on and
most cluster file systems pass it on to all machines, unless mounted with ``nolock`` or ``local_lock``. On a file system that
cannot lock, work goes on as if nobody else were there.
"""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ersm_lab.core.errors import UserError

_CANNOT_LOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def hold(path: Path) -> Iterator[IO[str] | None]:
    """Holds the lock on the file ``path``, made where it is missing, while the block runs; gives the file, open to
    read and write, or None at once when another process holds it.

    Raises ``UserError`` when the file cannot be made.
    """
    try:
        file = _opened(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
    with file:
        yield file if _locked(file, fcntl.LOCK_EX | fcntl.LOCK_NB) else None


@contextmanager
def wait_and_hold(path: Path) -> Iterator[IO[str]]:
    """As ``hold``, but waits until whoever holds the lock lets it go.

    Raises ``OSError`` when the file cannot be made: the caller knows what it was for.
    """
    with _opened(path) as file:
        _locked(file, fcntl.LOCK_EX)
        yield file


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a+", encoding="utf-8")  # NFS locks only what is open for writing


def _locked(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _CANNOT_LOCK:
            raise
    return True
