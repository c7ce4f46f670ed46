"""Cells in lines: what is finished, running and missing before a launch, and what failed after it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from ersm_lab.core.words import counted
from ersm_lab.launch.jobs import Outcome
from ersm_lab.plan.cells import Cell, short_names
from ersm_lab.plan.states import backbones, list_states


def print_states(cells: Sequence[Cell], refresh: bool = False) -> None:
    """A line per cell: what is finished (and where), what is running now, what would run."""
    names = short_names([*backbones(cells), *cells])
    listed = list_states(cells, refresh)
    for item in listed:
        digest = item.cell.config_hash
        where = f"  {item.run}" if item.run is not None else ""
        print(f"{item.state:8s} {digest[:8]}  {names[digest]}{where}")
    counts = Counter(item.state for item in listed)
    print(f"{counts['finished']} finished, {counts['running']} running, {counts['missing']} missing")
    if older := sum(item.is_of_other_code for item in listed):
        print(f"{older} finished by another version of the package; --refresh runs the finished again")


def tell_failures(outcomes: Sequence[Outcome], names: Mapping[str, str]) -> int:
    """Lists the cells that failed with their logs, on standard error, each once; returns the exit code.

    ``names``: what to call a cell, by config hash; otherwise its label.
    """
    failed = {outcome.cell.config_hash: outcome for outcome in outcomes if outcome.state == "failed"}
    if not failed:
        return 0
    which = "it" if len(failed) == 1 else "only these"
    print(f"{counted(len(failed), 'cell')} failed; the same command runs {which} again:", file=sys.stderr)
    for digest, outcome in failed.items():
        name = names.get(digest, outcome.cell.label)
        print(f"  {name}: {outcome.message}\n    log: {outcome.path}", file=sys.stderr)
    return 1
