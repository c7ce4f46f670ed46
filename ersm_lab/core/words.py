"""Words of messages: the nearest of known ones to a mistyped one, and a noun with its number."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the most similar word, or nothing when none is similar."""
    known = sorted(words)
    if match := difflib.get_close_matches(word, known, n=1, cutoff=0.6):
        return f"; did you mean '{match[0]}'?"
    # a key in the wrong place: the same last part elsewhere
    last = word.rpartition(".")[2]
    elsewhere = {known.rpartition(".")[2]: known for known in known}
    if match := difflib.get_close_matches(last, sorted(elsewhere), n=1, cutoff=0.75):
        return f"; did you mean '{elsewhere[match[0]]}'?"
    return ""


def counted(count: int, noun: str) -> str:
    """``1 run``, ``3 runs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
