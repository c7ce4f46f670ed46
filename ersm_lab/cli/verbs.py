"""Which verbs there are: a module of this folder each, and those of plug-ins; and the one parser that they make together."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

import ersm_lab
from ersm_lab.cli.parser import VerbParser
from ersm_lab.cli.values import paths
from ersm_lab.core import protocols
from ersm_lab.core.plugins import plugins

BUILT_IN = (
    "train",
    "evaluate",
    "table",
    "claims",
    "data",
    "report",
    "runs",
    "list",
    "new",
    "bench",
    "wandb",
    "doctor",
    "completion",
)


class Verb(Protocol):
    """A module with one line about the verb, what adds its words and options to a parser, and what does it."""

    SUMMARY: str

    def add_arguments(self, parser: VerbParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Does what is asked for; the exit code."""


class PluginVerb:
    """A plug-in's verb. Its module stands below the configuration, and is handed what composes one."""

    def __init__(self, module: protocols.Verb) -> None:
        self._module = module
        self.SUMMARY = module.SUMMARY

    def add_arguments(self, parser: VerbParser) -> None:
        self._module.add_arguments(parser)
        completions = self._module.completions
        parser.add_word("", "", lambda before, last: [*completions(), *paths(before, last)])

    def run(self, arguments: argparse.Namespace) -> int:
        from ersm_lab.config.composer import compose_experiment

        return self._module.run(arguments, compose_experiment)


def all_verbs() -> dict[str, Verb]:
    """Every verb by name, the lab's own first. A plug-in's that does not work costs a line on standard error."""
    found: dict[str, Verb] = {name: cast(Verb, import_module(f"ersm_lab.cli.{name}")) for name in BUILT_IN}
    for plugin in plugins().values():
        for name, place in plugin.verbs.items():
            try:
                if name in found:
                    raise ValueError("there is a verb of that name already")
                verb = PluginVerb(cast(protocols.Verb, import_module(place)))
                verb.add_arguments(VerbParser(name))  # a trial: its parser must not end every other verb
            except (Exception, SystemExit) as error:
                print(f"the verb {name} of {plugin.name} is left out: {error}", file=sys.stderr)
                continue
            found[name] = verb
    return found


def command_line(verbs: Mapping[str, Verb]) -> tuple[argparse.ArgumentParser, dict[str, VerbParser]]:
    """The parser of whole command lines, and those of the verbs, which stand within it."""
    whole = argparse.ArgumentParser("ersm-lab", add_help=False)
    parts = whole.add_subparsers(dest="verb", parser_class=VerbParser)
    parsers = {}
    for name, verb in verbs.items():
        parser = parts.add_parser(name, summary=verb.SUMMARY)
        verb.add_arguments(parser)
        parsers[name] = parser
    return whole, parsers


def read(words: list[str], verbs: Mapping[str, Verb]) -> tuple[argparse.Namespace, VerbParser]:
    """What a command line says: options as attributes, all else in order as ``words``, everything as ``said``.

    Raises ``UsageError`` for an option that the verb does not have.
    """
    whole, parsers = command_line(verbs)
    arguments, rest = whole.parse_known_args(words)
    parser = parsers[arguments.verb]
    for word in rest:
        if word.startswith("-"):
            parser.error(f"{arguments.verb} has no option {word}")
    # a positional list of a plug-in's parser takes what stands before the first option
    arguments.words = [*(getattr(arguments, "words", None) or []), *rest]
    arguments.said = words[1:]
    return arguments, parser


def overview(verbs: Mapping[str, Verb]) -> str:
    """A line per verb."""
    width = max(map(len, verbs))
    lines = "\n".join(f"  {name:{width}s}  {verb.SUMMARY}" for name, verb in verbs.items())
    return f"""\
ersm-lab {ersm_lab.__version__}: train what papers propose, stress it, and say which of their claims hold

usage: ersm-lab VERB [words]

{lines}

ersm-lab VERB --help says which words a verb takes, what it writes, and its exit codes, with examples.
paths.plugins=DIR, a word of every verb, looks for plug-ins in that folder too.
"""
