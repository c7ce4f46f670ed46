"""One writer at a time for a folder that several processes may want to make."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ersm_lab.core.errors import UserError


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Holds a lock on ``folder`` (a file beside it), whose making is left to the caller.

    Raises ``UserError`` when nothing can be written there: now, or later on a disk that has filled up.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f".{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the system when the process ends, however it ends
            yield
    except OSError as error:
        reason = error.strerror or error
        raise UserError(
            f"{folder} cannot be written: {reason}; free some space, or set paths.data"
        ) from error
