"""ERSM's part of the demo: one backbone, five heads, one table, and the figures that show the masks.

    python scripts/demo_ersm.py [KEY=VALUE ...]

Under five minutes on 2 cores; finished runs are reused.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.launch.gpus import visible_gpus
from ersm_lab.launch.local import LocalLauncher
from ersm_lab.launch.run import run_cells
from ersm_lab.launch.status import Status
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.directory import RunDirectory

ARMS = {
    "baseline": "baseline",
    "published": "ERSM published",
    "recommended": "ERSM recommended",
    "position_only": "position-only",
    "attention_pool": "attention-pool",
}
COLUMNS = {
    "accuracy": ("accuracy\n%", 100.0),
    "effective_share": ("effective share\nof tokens, %", 100.0),
    "mask_auroc": ("mask AUROC\nx 100", 100.0),
    "pointing_game": ("pointing game\n%", 100.0),
}


def ersm_part(console: Console, overrides: list[str]) -> int:
    """Runs what is missing, prints the table and where the figures are; 1 when a run failed."""
    start = time.perf_counter()
    console.print(
        "ERSM on cluttered digits: a small ResNet learns single digits, is frozen, and five heads learn on clutter."
    )
    experiments = [
        compose_experiment(["experiment=ersm/digits", f"model=ersm/{arm}", *overrides]) for arm in ARMS
    ]

    planner = Planner()
    cells = [planner.plan(experiment) for experiment in experiments]
    names = {cell.config_hash: title for cell, title in zip(cells, ARMS.values(), strict=True)}
    jobs = min(2, os.cpu_count() or 1)
    with Status(jobs, names) as status:
        outcomes = run_cells(cells, LocalLauncher(jobs, visible_gpus()), watcher=status)
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    runs = {
        arm: RunDirectory.open(outcome.path)
        for arm, outcome in zip(ARMS, outcomes, strict=True)
        if outcome.state != "failed"
    }
    console.print(_table(runs))
    console.print(
        "Chance: accuracy 10, AUROC 50, pointing game about 6. One seed; intervals are in ersm_lab/papers/ersm/README.md."
    )
    for arm, run in runs.items():
        console.print(
            f"{ARMS[arm]:17s} {_shown(run.path / 'artifacts' / 'panels.png')}",
            highlight=False,
            soft_wrap=True,
        )
    for outcome in failed:
        console.print(
            f"failed: {outcome.cell.label}: {outcome.message} (log: {outcome.path})", highlight=False
        )
    console.print(f"{time.perf_counter() - start:.0f} s")
    return 1 if failed else 0


def _table(runs: dict[str, RunDirectory]) -> Table:
    table = Table(title="cluttered digits, test split")
    table.add_column("head")
    for title, _ in COLUMNS.values():
        table.add_column(title, justify="right")
    for arm, run in runs.items():
        summary = run.record.summary
        cells = [summary.get(f"test/{name}") for name in COLUMNS]
        shown = [
            "-" if cell is None else f"{cell * scale:.1f}"
            for cell, (_, scale) in zip(cells, COLUMNS.values(), strict=True)
        ]
        table.add_row(ARMS[arm], *shown)
    return table


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    try:
        sys.exit(ersm_part(Console(), sys.argv[1:]))
    except UserError as error:
        sys.exit(f"error: {error}")
