"""Words that stand beside overrides on a command line: ``key=value`` of our own, which is no key of a configuration."""

from __future__ import annotations

from collections.abc import Sequence

from ersm_lab.core.errors import UserError


def split(words: Sequence[str], *keys: str) -> tuple[dict[str, list[str]], list[str]]:
    """The values that are given for each of ``keys``, in order, and the other words."""
    found: dict[str, list[str]] = {key: [] for key in keys}
    rest = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in found:
            found[key].append(value)
        else:
            rest.append(word)
    return found, rest


def split_choice(words: Sequence[str], group: str) -> tuple[str | None, list[str], list[str]]:
    """The option that ``GROUP=NAME`` takes (the last one said; None where none is), what ``GROUP.key=VALUE`` changes in it, and the other
    words."""
    name: str | None = None
    changes, rest = list[str](), list[str]()
    for word in words:
        key, equals, value = word.partition("=")
        if key == group and equals:
            name = value
        elif key.startswith(f"{group}.") and equals:
            changes.append(word.removeprefix(f"{group}."))
        else:
            rest.append(word)
    return name, changes, rest


def split_jobs(words: Sequence[str]) -> tuple[list[str], int]:
    """The words without ``jobs=N``, and N (1 where it is not said)."""
    found, rest = split(words, "jobs")
    text = found["jobs"][-1] if found["jobs"] else "1"
    if not text.isdigit() or int(text) < 1:
        raise UserError(
            f"'jobs' is {text!r}, but must be a whole number of at least 1: how many runs at a time"
        )
    return rest, int(text)
