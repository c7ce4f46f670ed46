"""How a launch is ended from outside: SIGTERM as a shell counts it. Ctrl-C is Python's own ``KeyboardInterrupt``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ENDED = 128 + signal.SIGTERM


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM ends the block, and with it every job that is under way, with exit code 143."""
    told = False

    def stop(*_: object) -> None:
        nonlocal told
        told = True
        sys.exit(_ENDED)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except SystemExit:
        if told:  # Ray makes an exit code of its own of ours
            raise SystemExit(_ENDED) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
