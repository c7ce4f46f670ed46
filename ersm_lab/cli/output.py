"""What verbs print: lines for people, or with ``--json`` one JSON document and nothing else on standard output."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping


@contextlib.contextmanager
def answering(as_json: bool) -> Iterator[Callable[[object], None]]:
    """Gives what prints the answer as JSON; what is printed otherwise while the block runs goes to standard error.

    Without ``as_json`` lines go where they always go, and the answer is not printed.
    """
    if not as_json:
        yield lambda answer: None
        return
    out = sys.stdout

    def print_json(answer: object) -> None:
        print(json.dumps(_finite(answer), indent=1, default=str), file=out)

    with contextlib.redirect_stdout(sys.stderr):
        yield print_json


def _finite(value: object) -> object:
    """With ``null`` for numbers that JSON does not know."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
