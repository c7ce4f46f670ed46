"""``ersm-lab bench``: speed as ratios to named references, measured in one run."""

from __future__ import annotations

from argparse import Namespace

from ersm_lab.cli.parser import VerbParser
from ersm_lab.cli.values import these

SUMMARY = "measure speed now, against named references"


def add_arguments(parser: VerbParser) -> None:
    from ersm_lab.bench.run import NAMES

    parser.explain(
        "[NAME ...]",
        writes="nothing; the ratios are printed",
        exit_codes="0 measured; 1 a mistake in a word; 2 no such option",
        examples=["slem"],
    )
    parser.add_word("NAME", f"{', '.join(NAMES)}; without one, all", these(*NAMES))


def run(arguments: Namespace) -> int:
    from ersm_lab.bench.run import command

    return command(arguments.words)
