"""Locks that the system lets go when their holder dies, however it dies."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ersm_lab.core.errors import UserError

# a file system that cannot lock: work goes on as if nobody else were there
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def hold(path: Path) -> Iterator[IO[str] | None]:
    """Holds the lock on the file ``path``, made where it is missing, while the block runs; gives the file, open to
    read and write, or None at once when another process holds it.

    On one machine this is exact. On a shared folder it is as good as the file system's ``flock``: NFS from version 3 on
    and most cluster file systems pass it on to all machines, unless mounted with ``nolock`` or ``local_lock``.

    Raises ``UserError`` when the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")  # NFS locks only what is open for writing
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
    with file:
        yield file if _locked(file) else None


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
    return True
