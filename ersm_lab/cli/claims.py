"""``ersm-lab claims``: what finished runs say about the papers' claims."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ersm_lab.cli.output import answering
from ersm_lab.cli.parser import VerbParser, names_in
from ersm_lab.cli.values import options_of, paths, these

SUMMARY = "say what finished runs say about the papers' claims"


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "[NAME ...] [PROFILE=demo|full] [--run] [jobs=N] [paths.outputs=DIR] [--json]",
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
    parser.add_argument("--run", action="store_true", help="first run what is missing")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON, and nothing else")
    parser.add_section(names_in("claim", "claims"))


def run(arguments: Namespace) -> int:
    from ersm_lab.claims.check import check_claims
    from ersm_lab.claims.schema import claims_request
    from ersm_lab.claims.text import caution, is_short, lines_of

    words = [*arguments.words, *(["--run"] if arguments.run else [])]
    names, profile, overrides, launch, jobs = claims_request(words)
    with answering(arguments.json) as answer:
        records, parts, paths = check_claims(names, profile, overrides, launch, jobs, _evaluate)
        for record in records:
            print(lines_of(record, parts))
        print(caution(records))
        print(paths["md"])
        answer({"claims": records, "effects": parts})
    return 1 if any(is_short(record) for record in records) else 0


def _evaluate(runs: Any, composed: Any, changes: Any) -> Any:
    from ersm_lab.training.evaluate import evaluate_runs

    return evaluate_runs(runs, composed, changes)
