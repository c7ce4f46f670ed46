"""FoR-Net's part of the demo: toy streets, FoR-Net and the same net that sees every cell.

    python scripts/demo_fornet.py [KEY=VALUE ...]

Under three minutes on 2 cores; finished runs are reused.
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

ARMS = {"fornet": "FoR-Net", "fornet_k1": "the same net, all cells"}
COLUMNS = {
    "val/miou": "mIoU\n%",
    "val/thin_iou": "thin structures\nmIoU, %",
    "val/boundary_iou": "Boundary IoU\n%",
    "val/iiou": "iIoU\n%",
}
FIGURES = ("overlays", "classes", "importance", "seams")


def fornet_part(console: Console, overrides: list[str]) -> int:
    """Trains both nets unless they are finished, prints their table and where the figures are; 1 when one failed."""
    start = time.perf_counter()
    console.print(
        "FoR-Net on toy streets: a selector learns which cells are hard, four branches look only there."
    )
    experiments = [
        compose_experiment(
            ["experiment=fornet/toy_streets", f"model=fornet/{arm}", "trainer.threads=1", *overrides]
        )
        for arm in ARMS
    ]

    planner = Planner()
    cells = [planner.plan(experiment) for experiment in experiments]
    names = {cell.config_hash: title for cell, title in zip(cells, ARMS.values(), strict=True)}
    jobs = min(2, os.cpu_count() or 1)
    with Status(jobs, names) as status:
        outcomes = run_cells(cells, LocalLauncher(jobs, visible_gpus()), watcher=status)
    runs = {
        arm: RunDirectory.open(outcome.path)
        for arm, outcome in zip(ARMS, outcomes, strict=True)
        if outcome.state != "failed"
    }
    table = Table(title="toy streets, val")
    table.add_column("network")
    for title in COLUMNS.values():
        table.add_column(title, justify="right")
    for arm, run in runs.items():
        table.add_row(ARMS[arm], *(f"{100 * run.record.summary[key]:.1f}" for key in COLUMNS))
    console.print(table)
    if "fornet" in runs:
        summary = runs["fornet"].record.summary
        found = {name: 100 * summary[f"val/{name}_ap_errors"] for name in ("importance", "uncertainty")}
        console.print(
            f"Finding its own errors (average precision, chance {100 * summary['val/base_rate_errors']:.1f} %): importance map "
            f"{found['importance']:.1f} %, 1 - max softmax {found['uncertainty']:.1f} %. One seed: no claim rests on it.",
            highlight=False,
        )
        for name in FIGURES:
            console.print(
                _shown(runs["fornet"].artifacts.path / f"{name}.png"), highlight=False, soft_wrap=True
            )
    for outcome in outcomes:
        if outcome.state == "failed":
            console.print(
                f"failed: {outcome.cell.label}: {outcome.message} (log: {outcome.path})", highlight=False
            )
    console.print(f"{time.perf_counter() - start:.0f} s", highlight=False)
    return 0 if len(runs) == len(ARMS) else 1


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    try:
        sys.exit(fornet_part(Console(), sys.argv[1:]))
    except UserError as error:
        sys.exit(f"error: {error}")
