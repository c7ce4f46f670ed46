"""``ersm-lab list``: what there is to train, to measure and to judge, a line each."""

from __future__ import annotations

from argparse import Namespace

from ersm_lab.cli.parser import VerbParser
from ersm_lab.cli.values import first
from ersm_lab.core.errors import UserError
from ersm_lab.core.words import no_such

SUMMARY = "list experiments, models, data, tables, claims, suites and plug-ins, a line each"

_GROUPS = {
    "experiments": "experiment",
    "models": "model",
    "data": "data",
    "tables": "table",
    "claims": "claim",
    "sweeps": "sweep",
}
KINDS = (*_GROUPS, "suites", "plugins")


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "[KIND]",
        writes="nothing",
        exit_codes="0 listed; 1 no such kind; 2 no such option",
        examples=["experiments", "suites"],
    )
    parser.add_word("KIND", f"{', '.join(KINDS)}; without one, all", first(*KINDS))


def run(arguments: Namespace) -> int:
    for word in arguments.words:
        if word not in KINDS:
            raise UserError(no_such("kind", word, KINDS))
    kinds = arguments.words or KINDS
    for kind in kinds:
        rows = lines_of(kind)
        width = max((len(name) for name, _ in rows), default=0)
        indent = ""
        if len(kinds) > 1:
            print(f"{kind}:")
            indent = "  "
        for name, text in rows:
            print(f"{indent}{name:{width}s}  {text}".rstrip())
        if len(kinds) > 1:
            print()
    return 0


def lines_of(kind: str) -> list[tuple[str, str]]:
    """Name and one line of everything of a kind."""
    if kind == "plugins":
        from ersm_lab.core.plugins import plugins

        return [(name, plugin.summary) for name, plugin in plugins().items()]
    from ersm_lab.config.describe import about, summary_line
    from ersm_lab.config.store import options

    if kind == "suites":
        from ersm_lab.core.plugins import loaded

        settings = sorted(loaded("suites", "settings").items())
        return [(name, summary_line("evaluation", name) or about(kind)) for name, kind in settings]
    group = _GROUPS[kind]
    return [(name, summary_line(group, name)) for name in options(group)]
