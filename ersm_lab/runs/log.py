"""``run.log``: what a run printed and logged, and the traceback when it failed."""

from __future__ import annotations

import io
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


class _Tee(io.TextIOBase):
    """Writes to the terminal and, whole lines only, to the log; a bar's carriage returns stay out of it."""

    def __init__(self, terminal: TextIO, log: TextIO) -> None:
        self._terminal, self._log, self._line = terminal, log, ""

    def write(self, text: str) -> int:
        self._terminal.write(text)
        self._line += text
        while "\n" in self._line:
            line, _, self._line = self._line.partition("\n")
            if shown := line.rpartition("\r")[2].rstrip():
                _append(self._log, shown + "\n")
        return len(text)

    def flush(self) -> None:
        self._terminal.flush()

    def isatty(self) -> bool:
        # a library that was first imported during a run may ask when the terminal is gone
        return not self._terminal.closed and self._terminal.isatty()

    def fileno(self) -> int:
        return self._terminal.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._terminal.encoding


def _append(log: TextIO, text: str) -> None:
    """A log on a full disk loses lines; it must not end the run, nor hide the error that does."""
    with suppress(OSError):
        log.write(text)
        log.flush()


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    log = path.open("a", encoding="utf-8")
    try:
        yield log
    finally:
        with suppress(OSError):  # closing writes what a full disk did not take before
            log.close()


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Copies standard output, standard error and Python's logging to ``path`` while the block runs."""
    with _opened(path) as log:
        handler = logging.StreamHandler(log)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Tee(before[0], log), _Tee(before[1], log)  # type: ignore[assignment]
        logging.getLogger().addHandler(handler)
        try:
            yield
        except BaseException:
            _append(log, traceback.format_exc())
            raise
        finally:
            sys.stdout, sys.stderr = before
            logging.getLogger().removeHandler(handler)
