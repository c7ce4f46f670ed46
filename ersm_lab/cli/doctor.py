"""``ersm-lab doctor``: what is installed, what the machine can do, what is found, and how to get what is missing."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Sequence

from ersm_lab.cli.checks import BROKEN, GOOD, MISSING, Finding
from ersm_lab.cli.output import answering
from ersm_lab.cli.parser import Section, VerbParser
from ersm_lab.cli.values import paths
from ersm_lab.core.words import counted

SUMMARY = "say what is installed and found, and how to get what is not"


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "[paths.data=DIR] [paths.outputs=DIR] [paths.cache=DIR] [--json]",
        writes="nothing",
        exit_codes="0 nothing that is needed is broken; 1 something is; 2 no such option",
        examples=["", "paths.data=/mnt/data"],
    )
    for name, meaning in (
        ("data", "where data sets lie"),
        ("outputs", "where runs lie"),
        ("cache", "where what can be rebuilt lies"),
    ):
        parser.add_key(f"paths.{name}=DIR", meaning, paths)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON, and nothing else")
    parser.add_section(_states)


def run(arguments: Namespace) -> int:
    with answering(arguments.json) as answer:
        findings = _findings(arguments.words)
        show(findings)
        answer([dataclasses.asdict(item) for item in findings])
    return 1 if any(item.state == BROKEN for item in findings) else 0


def _findings(words: Sequence[str]) -> list[Finding]:
    from ersm_lab.cli.checks import installation

    needed = list(installation.python())
    if any(item.state == BROKEN for item in needed):  # nothing else can be asked before that is mended
        return needed
    from ersm_lab.cli.checks import belongings, machine
    from ersm_lab.config.composer import compose_experiment
    from ersm_lab.config.store import options

    paths = compose_experiment(words).config.paths
    data = {name: compose_experiment([f"data={name}", *words]).config.data for name in options("data")}
    return [
        *needed,
        *machine.torch_and_devices(),
        *machine.memory(),
        *machine.disks(paths),
        *belongings.data_sets(data),
        *belongings.wandb(paths.outputs),
        *installation.extras(),
    ]


def show(findings: Sequence[Finding]) -> None:
    """A line or two per part, and what it comes to."""
    width = max(len(item.part) for item in findings)
    for item in findings:
        print(f"{item.state:8s} {item.part:{width}s}  {item.found}")
        if item.remedy:
            print(f"{'':8s} {'':{width}s}  -> {item.remedy}")
    broken = [item.part for item in findings if item.state == BROKEN]
    said = f"broken: {', '.join(broken)}" if broken else "nothing that is needed is broken"
    print(f"\n{said}; {counted(sum(item.state == MISSING for item in findings), 'optional part')} missing")


def _states() -> Section:
    return Section(
        "states",
        rows=[
            (GOOD, "good"),
            (MISSING, "optional: stops nothing that does not ask for it; the line below is what gets it"),
            (BROKEN, "needed"),
        ],
    )
