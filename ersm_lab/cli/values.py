"""What may stand in a word's place, for shell completion: options of groups, folders, keys of the configuration."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

# the words before, and what stands of this one: whole words that it may become
Complete = Callable[[Sequence[str], str], Iterable[str]]


def nothing(before: Sequence[str], last: str) -> list[str]:
    """For a word of which nothing is known."""
    return []


def these(*words: str) -> Complete:
    """Always the same words."""
    return lambda before, last: words


def first(*words: str) -> Complete:
    """The same words, where none stands before."""
    return lambda before, last: () if before else words


def options_of(group: str) -> Complete:
    """The options of a group of ``conf/``."""

    def complete(before: Sequence[str], last: str) -> list[str]:
        from ersm_lab.config.store import options

        return options(group)

    return complete


def paths(before: Sequence[str], last: str) -> list[str]:
    """Folders and files that go on from what stands after the last comma."""
    head, comma, start = last.rpartition(",")
    found = sorted(glob.glob(f"{glob.escape(start)}*"))
    return [f"{head}{comma}{place}{'/' if Path(place).is_dir() else ''}" for place in found]


def keyed(key: str, values: Complete) -> Complete:
    """``key=`` until it is there, then ``key=VALUE``."""
    start = f"{key}="

    def complete(before: Sequence[str], last: str) -> list[str]:
        if not last.startswith(start):
            return [start]
        return [start + value for value in values(before, last.removeprefix(start))]

    return complete


def groups(before: Sequence[str], last: str) -> list[str]:
    """``group=``, then ``group=option``, of every group of a run's configuration."""
    from ersm_lab.config.store import options, run_groups

    group, equals, _ = last.partition("=")
    if equals:
        return [f"{group}={option}" for option in options(group)] if group in run_groups() else []
    return [f"{name}=" for name in run_groups()]


def keys(*below: str) -> Complete:
    """Keys of the configuration, and the values of those that have few; with ``below``, only those that begin so."""

    def complete(before: Sequence[str], last: str) -> list[str]:
        from ersm_lab.config.store import run_groups

        if "." not in last:  # composing takes a moment: groups are enough for a start
            tops = {key.partition(".")[0] for key in below} or {*run_groups(), "seed"}
            return [f"{name}=" if name == "seed" else f"{name}." for name in tops]
        found = _composed_keys([word for word in before if "=" in word and "," not in word])
        key, equals, _ = last.partition("=")
        names = (
            [f"{key}={choice}" for choice in found.get(key, ())] if equals else [f"{name}=" for name in found]
        )
        return [name for name in names if not below or name.startswith(below)]

    return complete


def _composed_keys(words: Sequence[str]) -> dict[str, Sequence[str]]:
    """Every key of the configuration that ``words`` give, with its choices."""
    from ersm_lab.config.composer import compose_experiment
    from ersm_lab.config.describe import keys_of
    from ersm_lab.core.errors import UserError

    try:
        config = compose_experiment(words).config
    except UserError:  # words that are not finished
        config = compose_experiment([]).config
    return {key.name: key.choices for key in keys_of(config)}
