"""Words for people: the nearest of known names, what there is in place of a mistyped one, a noun with its number, and lines
of bounded length."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Sequence


def nearest(word: str, words: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the most similar word, or nothing when none is similar.

    Of names such as ``paper/name`` the parts are compared one by one: two names of one paper are not alike for that alone.
    """
    known = sorted(words)
    slashed = [name for name in known if "/" in name]
    if slashed and (found := _nearest_path(word, slashed)):
        return f"; did you mean '{found}'?"
    whole = [name for name in known if "/" not in name] if "/" in word else known
    if match := difflib.get_close_matches(word, whole, n=1, cutoff=0.6):
        return f"; did you mean '{match[0]}'?"
    # a key in the wrong place: the same last part elsewhere
    last = word.rpartition(".")[2]
    elsewhere = {name.rpartition(".")[2]: name for name in whole}
    if match := difflib.get_close_matches(last, sorted(elsewhere), n=1, cutoff=0.75):
        return f"; did you mean '{elsewhere[match[0]]}'?"
    return ""


def counted(count: int, noun: str) -> str:
    """``1 run``, ``3 runs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def no_such(what: str, word: str, known: Iterable[str]) -> str:
    """``no experiment named 'x'; did you mean 'y'? There are: y, z``.

    All names are listed; of a ``paper/name`` those of that paper, where there is one of it.
    """
    names = sorted(known)
    head, slash, _ = word.partition("/")
    shown = [name for name in names if slash and name.startswith(f"{head}/")] or names
    hint = nearest(word, names) or "."
    return f"no {what} named '{word}'{hint} There are: {', '.join(shown) or 'none'}"


def wrapped(start: str, items: Sequence[str], width: int, indent: int) -> str:
    """``start`` and ``items``, with commas between, in lines of at most ``width`` characters; later lines are indented."""
    return textwrap.fill(
        start + ", ".join(items),
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _nearest_path(word: str, names: Sequence[str]) -> str | None:
    head, slash, tail = word.rpartition("/")
    best: tuple[float, str] = (0.0, "")
    for name in names:
        above, _, own = name.rpartition("/")
        likeness = _likeness(tail, own)
        if likeness >= 0.6 and (not slash or _likeness(head, above) >= 0.6):
            best = max(best, (likeness + (_likeness(head, above) if slash else 0.0), name))
    return best[1] or None


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()
