"""``ersm-lab report``: one HTML page that shows runs and compares them."""

from __future__ import annotations

from argparse import Namespace

from ersm_lab.cli.parser import VerbParser
from ersm_lab.cli.values import paths

SUMMARY = "write one HTML page that shows runs and compares them, offline"


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "[FOLDER ...] [out=FILE] [pictures=MB] [paths.outputs=DIR]",
        text="The page filters by itself: by name, configuration, status and score.",
        writes="the page alone",
        exit_codes="0 written; 1 a mistake in a word, or there is no run; 2 no such option",
        examples=["", "outputs/ersm/digits 'outputs/ersm/cifar10/2026*' out=ersm.html"],
    )
    parser.add_word(
        "FOLDER",
        "the runs at or below it, a pattern of such, or the name of a run; without one, all below outputs",
        paths,
    )
    parser.add_key("out=FILE", "the page; outputs/report.html unless given", paths)
    parser.add_key("pictures=MB", "how many megabytes of pictures it may hold")
    parser.add_key("paths.outputs=DIR", "where the runs lie", paths)


def run(arguments: Namespace) -> int:
    from ersm_lab.config.composer import outputs_of
    from ersm_lab.report.command import command

    words = [word for word in arguments.words if not word.startswith("paths.")]
    return command(words, str(outputs_of(arguments.words)))
