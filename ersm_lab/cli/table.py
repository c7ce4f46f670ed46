"""``ersm-lab table``: runs what tables lack, then writes them."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence

from ersm_lab.cli.output import answering
from ersm_lab.cli.parser import UsageError, VerbParser, names_in
from ersm_lab.cli.values import keys, options_of, these

SUMMARY = "run what a table lacks, then write it"


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "[NAME ...] [PROFILE=demo|full] [key=value] [jobs=N] [launcher=NAME] [--dry-run | --json] [--refresh]",
        writes="table.md, table.tex, table.csv and table.json in outputs/tables/NAME/; its runs are directories as any "
        "other",
        exit_codes="0 complete; 1 a mistake in a word, or a run is missing or failed; 2 no such option",
        examples=["ersm_digits jobs=2", "slem PROFILE=full"],
    )
    parser.add_word(
        "NAME", "a file in conf/table, or a paper: all its tables of the profile", options_of("table")
    )
    parser.add_key(
        "PROFILE=NAME",
        "demo: embedded data; full: the papers' data too; without a NAME, all tables of the profile",
        these("demo", "full"),
    )
    parser.add_word("key=value", "is applied to every run", keys())
    parser.add_key("jobs=N", "processes at a time")
    parser.add_key("launcher=NAME", "local, slurm or ray", options_of("launcher"))
    parser.add_argument(
        "--dry-run", action="store_true", help="list the runs and what is finished; nothing runs"
    )
    parser.add_argument("--refresh", action="store_true", help="run finished ones again")
    parser.add_argument("--json", action="store_true", help="print the tables as JSON, and nothing else")
    parser.add_section(names_in("table", "tables"))


def run(arguments: Namespace) -> int:
    if arguments.json and arguments.dry_run:
        raise UsageError("--json prints what is written, and --dry-run writes nothing: give one of them")
    from ersm_lab.tables.run import command

    flags = [flag for flag in ("--dry-run", "--refresh") if flag in arguments.said]
    with answering(arguments.json) as answer:
        code = command([*arguments.words, *flags])
        if arguments.json:
            answer(_written(arguments.words))
    return code


def _written(words: Sequence[str]) -> dict[str, object]:
    """The tables that the words name, as they lie in the outputs."""
    from ersm_lab.config.composer import outputs_of
    from ersm_lab.tables.files import table_folder
    from ersm_lab.tables.request import table_request

    outputs, names = outputs_of(words), table_request(words).tables
    return {name: json.loads((table_folder(outputs, name) / "table.json").read_text()) for name in names}
