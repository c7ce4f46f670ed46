"""``ersm-lab claims``: what finished runs say about the papers' claims."""

from __future__ import annotations

from argparse import Namespace

from ersm_lab.cli.output import answering
from ersm_lab.cli.parser import VerbParser, names_in
from ersm_lab.cli.values import keys, options_of, paths, these

SUMMARY = "say what finished runs say about the papers' claims"


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "[NAME ...] [PROFILE=demo|full] [--run] [jobs=N] [logger=NAME] [trainer.accelerator=NAME] [paths.outputs=DIR] [--json]",
        writes="outputs/claims/claims.md and claims.json",
        exit_codes="0 all judged, also where a claim fails; 1 a mistake in a word, or runs are missing; 2 no such option",
        examples=["", "ersm_accuracy ersm_sparsity --run jobs=2"],
    )
    parser.add_word("NAME", "a file in conf/claim; without one, all of them", options_of("claim"))
    parser.add_key(
        "PROFILE=NAME",
        "demo: embedded data (the default); full: real data, which must lie in data/",
        these("demo", "full"),
    )
    parser.add_key("jobs=N", "with --run: processes at a time")
    parser.add_key("paths.outputs=DIR", "where the runs lie", paths)
    parser.add_key("logger=NAME", "with --run: the tracker of runs that are made", options_of("logger"))
    parser.add_word(
        "trainer.accelerator=NAME", "with --run: where they run, such as gpu", keys("trainer.accelerator")
    )
    parser.add_argument("--run", action="store_true", help="first run what is missing")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON, and nothing else")
    parser.add_section(names_in("claim", "claims"))


def run(arguments: Namespace) -> int:
    from ersm_lab.claims.check import check_claims
    from ersm_lab.claims.files import as_json
    from ersm_lab.claims.request import claims_request
    from ersm_lab.claims.text import caution, lines_of

    request = claims_request([*arguments.words, *(["--run"] if arguments.run else [])])
    with answering(arguments.json) as answer:
        verdicts, files = check_claims(request)
        for verdict in verdicts:
            print(lines_of(verdict))
        print(caution(verdicts))
        print(files["md"])
        answer(as_json(verdicts))
    return 1 if any(verdict.is_short for verdict in verdicts) else 0
