"""What ``ersm-lab doctor`` looks at: each check gives findings, a line each."""

from __future__ import annotations

from dataclasses import dataclass

GOOD, MISSING, BROKEN = "ok", "missing", "broken"


@dataclass(frozen=True)
class Finding:
    """One line: a part of the installation, its state, and the command (or the step) that mends it.

    ``state`` is ``ok``, ``missing`` (nothing that is needed fails without it) or ``broken`` (something needed does).
    """

    part: str
    state: str
    found: str
    remedy: str = ""
