"""``ersm-lab runs``: finished and unfinished runs, a line each; or removes some."""

from __future__ import annotations

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from ersm_lab.cli.output import answering
from ersm_lab.cli.parser import UsageError, VerbParser
from ersm_lab.cli.values import options_of, paths, these
from ersm_lab.core.errors import UserError
from ersm_lab.core.words import counted, no_such
from ersm_lab.runs.overview import STATES, RunLine, remove_run, run_lines

SUMMARY = "list finished and unfinished runs with their headline scores; remove some"

# what a run is filtered and sorted by
KEYS = (
    "run",
    "paper",
    "experiment",
    "variant",
    "data",
    "seed",
    "status",
    "started",
    "seconds",
    "metric",
    "score",
)


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "[KEY=VALUE ...] [--sort KEY] [--json] [paths.outputs=DIR]",
        "KEY=VALUE ... --rm [--yes]",
        text=f"Keys: {', '.join(KEYS)}. A run is listed when every KEY=VALUE holds; VALUE may have commas between alternatives.",
        writes="nothing; --rm removes run directories, never one that is running",
        exit_codes="0 done; 1 a mistake in a word; 2 no such option",
        examples=[
            "status=finished experiment=ersm/digits --sort score",
            "status=failed,killed --rm",
        ],
    )
    parser.add_key("status=NAME", ", ".join(STATES), these(*STATES))
    parser.add_key("experiment=NAME", "as train takes it", options_of("experiment"))
    parser.add_key("paper=NAME", "such as ersm")
    parser.add_key("variant=NAME", "the arm, such as recommended")
    parser.add_key("seed=N", "a repetition of an arm")
    parser.add_key("paths.outputs=DIR", "where the runs lie", paths)
    parser.add_argument(
        "--sort", metavar="KEY", choices=KEYS, help="by a key, the highest first; newest first without it"
    )
    parser.add_argument("--json", action="store_true", help="print the runs as JSON, and nothing else")
    parser.add_argument("--rm", action="store_true", help="remove the runs, after a question")
    parser.add_argument("--yes", action="store_true", help="remove them without the question")


def run(arguments: Namespace) -> int:
    from ersm_lab.config.composer import outputs_of

    wanted = _conditions(arguments.words)
    if arguments.rm and not wanted:
        raise UsageError("--rm needs KEY=VALUE words that say which runs, such as status=failed")
    lines = [line for line in run_lines(outputs_of(arguments.words)) if _holds(line, wanted)]
    if arguments.sort:
        lines.sort(key=lambda line: _rank(getattr(line, arguments.sort)), reverse=True)
    with answering(arguments.json) as answer:
        if arguments.rm:
            lines = _remove(lines, arguments.yes)
        else:
            _show(lines)
        answer([dataclasses.asdict(line) for line in lines])
    return 0


def _conditions(words: Sequence[str]) -> dict[str, list[str]]:
    """The values that are wanted of each key."""
    wanted = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key.startswith("paths."):
            continue
        if not equals:
            raise UserError(f"runs takes KEY=VALUE, but got '{word}'")
        if key not in KEYS:
            raise UserError(no_such("key of runs", key, KEYS))
        wanted[key] = value.split(",")
    for status in wanted.get("status", ()):
        if status not in STATES:
            raise UserError(no_such("status of runs", status, STATES))
    return wanted


def _holds(line: RunLine, wanted: Mapping[str, Sequence[str]]) -> bool:
    return all(str(getattr(line, key)) in values for key, values in wanted.items())


def _rank(value: str | float | None) -> tuple[bool, float, str]:
    """What sorts numbers as numbers, text as text, and nothing last where the highest comes first."""
    if isinstance(value, str) or value is None:
        return bool(value), 0.0, value or ""
    return True, float(value), ""


def _show(lines: Sequence[RunLine]) -> None:
    rows = [
        (
            line.status,
            line.age,
            line.experiment,
            line.variant,
            "" if line.seed is None else f"seed {line.seed}",
            "" if line.score is None else f"{line.metric} {line.score:.4g}",
            line.run,
        )
        for line in lines
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{text:{width}s}" for text, width in zip(row, widths, strict=True)).rstrip())
    print(counted(len(lines), "run"))


def _remove(lines: Sequence[RunLine], sure: bool) -> list[RunLine]:
    """Removes the directories of the runs, those at work left out; returns what was removed."""
    going = [line for line in lines if line.status != "running"]
    if not going:
        print("no run to remove")
        return []
    _show(going)
    if not sure:
        if not sys.stdin.isatty():
            raise UserError("nobody is there to be asked whether these are to be removed; --yes removes them")
        print(f"remove {counted(len(going), 'run')} for good? [y/N] ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("nothing removed")
            return []
    for line in going:
        remove_run(Path(line.run))
    print(f"{counted(len(going), 'run')} removed")
    return going
