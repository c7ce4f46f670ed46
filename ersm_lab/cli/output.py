"""What verbs print: lines for people, or with ``--json`` one JSON document and nothing else on standard output."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator

from ersm_lab.files.strict_json import json_value


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
        print(json.dumps(json_value(answer), indent=1), file=out)

    with contextlib.redirect_stdout(sys.stderr):
        yield print_json
