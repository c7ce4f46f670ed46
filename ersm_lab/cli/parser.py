"""What a verb's parser is: argparse with the words of the configuration, from which help, completion and reference pages come.

What argparse knows as options starts with a dash; everything else is a word, such as ``key=value`` or a name. Options may
stand anywhere among words, and ``arguments.words`` holds the words in order.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ersm_lab.cli.values import Complete, keyed, nothing, options_of
from ersm_lab.core.errors import UserError
from ersm_lab.core.words import wrapped

WIDTH = 100


class UsageError(UserError):
    """Words that the parser of a verb cannot take; the exit code is 2."""


@dataclass(frozen=True)
class Word:
    """A kind of word that a verb takes: as people write it, such as ``NAME`` or ``jobs=N``, what it means, what it may become."""

    form: str
    meaning: str
    complete: Complete


@dataclass(frozen=True)
class Section:
    """A part of a verb's help: rows of a term and its meaning, names, lines, or one sentence."""

    title: str
    rows: Sequence[tuple[str, str]] = ()
    names: Sequence[str] = ()
    lines: Sequence[str] = ()
    sentence: str = ""

    def __str__(self) -> str:
        if self.sentence:
            return wrapped(f"{self.title}: ", [self.sentence], WIDTH, indent=2)
        return "\n".join([f"{self.title}:", *self._below()])

    def _below(self) -> list[str]:
        if self.names:
            return [wrapped("  ", self.names, WIDTH, indent=2)]
        width = min(max((len(term) for term, _ in self.rows), default=0), 24)
        rows = [
            wrapped(f"  {term:{width}s}  ", [meaning], WIDTH, indent=width + 4) for term, meaning in self.rows
        ]
        return [*rows, *(f"  {line}" for line in self.lines)]


class VerbParser(argparse.ArgumentParser):
    """The parser of one verb. ``explain`` and ``add_word`` say what argparse has no place for."""

    def __init__(self, prog: str, summary: str = "") -> None:
        super().__init__(prog, add_help=False, allow_abbrev=False)
        self.summary = summary
        self.usages: list[str] = []
        self.words: list[Word] = []
        # a help that depends on the other words
        self.own_help: Callable[[argparse.Namespace], str | None] | None = None
        self._sections: list[Callable[[], Section]] = []
        self._notes: dict[str, str] = {}
        self._examples: list[str] = []
        self.add_argument("-h", "--help", action="store_true", help="say this and stop")

    def explain(
        self, *usages: str, writes: str, exit_codes: str, examples: Sequence[str], text: str = ""
    ) -> None:
        """What the help says besides words and options. ``usages`` and ``examples`` are what follows the verb."""
        self.usages = list(usages)
        self.description = wrapped("", [text], WIDTH, indent=0)
        self._notes = {"writes": writes, "exit codes": exit_codes}
        self._examples = list(examples)

    def add_word(self, form: str, meaning: str, values: Complete = nothing) -> None:
        """A kind of word, such as ``NAME``; ``values`` are whole words."""
        self.words.append(Word(form, meaning, values))

    def add_key(self, form: str, meaning: str, values: Complete = nothing) -> None:
        """A kind of word with a key, such as ``jobs=N``; ``values`` come after the ``=``."""
        self.words.append(Word(form, meaning, keyed(form.partition("=")[0], values)))

    def add_section(self, section: Callable[[], Section]) -> None:
        """A part of the help that is made when it is shown."""
        self._sections.append(section)

    def help_of(self, arguments: argparse.Namespace) -> str:
        """The help that a command line asks for: ``own_help`` where the verb has one for these words."""
        return (self.own_help and self.own_help(arguments)) or self.format_help()

    @property
    def flags(self) -> list[tuple[str, str]]:
        """Every option with its meaning."""
        shown = []
        for action in self._actions:
            if action.option_strings and action.help != argparse.SUPPRESS:
                value = f" {action.metavar}" if action.metavar else ""
                shown.append((", ".join(action.option_strings) + value, action.help or ""))
        return shown

    @property
    def option_names(self) -> list[str]:
        """What begins with a dash."""
        return [name for action in self._actions for name in action.option_strings]

    @property
    def examples(self) -> list[str]:
        """Whole command lines."""
        return [f"{self.prog} {words}".strip() for words in self._examples]

    def sections(self) -> list[Section]:
        """The parts of the help below the usage, in order."""
        found = [
            Section("words", rows=[(word.form, word.meaning) for word in self.words if word.form]),
            Section("options", rows=self.flags),
            *(section() for section in self._sections),
            *(Section(title, sentence=text) for title, text in self._notes.items()),
            Section("examples", lines=self.examples),
        ]
        return [part for part in found if part.rows or part.names or part.lines or part.sentence]

    def format_usage(self) -> str:
        if not self.usages:
            return super().format_usage()
        lines = [f"{self.prog} {words}".strip() for words in self.usages]
        return (
            "\n".join(
                wrapped("usage: " if line == lines[0] else "       ", [line], WIDTH, 9) for line in lines
            )
            + "\n"
        )

    def format_help(self) -> str:
        blocks = [f"{self.prog}: {self.summary}", self.format_usage().rstrip(), self.description or ""]
        blocks += [str(part) for part in self.sections()]
        blocks.append(self.epilog or "")
        return "\n\n".join(block for block in blocks if block) + "\n"

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def names_in(group: str, title: str) -> Callable[[], Section]:
    """The options of a group of ``conf/``, as a part of a help."""
    return lambda: Section(title, names=list(options_of(group)((), "")))
