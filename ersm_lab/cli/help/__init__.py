"""What ``ersm-lab --help`` and ``ersm-lab VERB --help`` print: ``VERB.txt`` beside this file, its first line for the list.

A word in braces on a line of its own, such as ``{table}``, stands for the options of that group.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

import ersm_lab
from ersm_lab.config import store
from ersm_lab.config.store import options

_PAGES = Path(__file__).parent
_NOT_CHOSEN = ("claim", "experiment", "hydra", "table")  # no groups of a run, or listed by themselves
_OVERVIEW = """\
ersm-lab {version}: train, stress and believe ERSM classifiers, FoR-Net segmenters and SLEM entropy learners

usage: ersm-lab VERB [words]

{verbs}

ersm-lab VERB --help says which words a verb takes, what it writes, and its exit codes, with examples.
"""


def overview(verbs: Iterable[str]) -> str:
    """A line per verb."""
    lines = [f"  {verb:11s} {_text(verb).partition(chr(10))[0]}" for verb in verbs]
    return _OVERVIEW.format(version=ersm_lab.__version__, verbs="\n".join(lines))


def page(verb: str) -> str:
    """The page of one verb, with the names that there are today."""
    return f"ersm-lab {verb}: " + re.sub(
        r"^\{(\w+)\}$", lambda found: _filled(found[1]), _text(verb), flags=re.M
    )


def groups() -> list[str]:
    """The groups of a run's configuration, as ``group=option`` takes them."""
    found = store.groups()
    return [name for name in found if name not in _NOT_CHOSEN]


def _text(verb: str) -> str:
    return (_PAGES / f"{verb}.txt").read_text(encoding="utf-8")


def _filled(word: str) -> str:
    if word == "settings":
        from ersm_lab.papers.slem.verb import settings_text

        return settings_text()
    if word == "groups":
        return "\n".join(_wrapped(f"{group}=", options(group), 13) for group in groups())
    return _wrapped("", options(word), 0)


def _wrapped(heading: str, names: list[str], indent: int) -> str:
    text = f"{heading:{indent}s}" + ", ".join(names)
    return textwrap.fill(
        text, 110, initial_indent="  ", subsequent_indent=" " * (2 + indent), break_long_words=False, break_on_hyphens=False
    )  # fmt: skip
