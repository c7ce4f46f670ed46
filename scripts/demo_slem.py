"""SLEM's part of the demo: maps of generated structures, and entropy points against their known edges and corners.

    python scripts/demo_slem.py [KEY=VALUE ...]

Under a minute, compilation included; finished runs are reused.
"""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.table import Table

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.launch.run import run_cells
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.directory import RunDirectory

SOURCES = {
    "entropy": "Learning Entropy",
    "error": "|prediction error|",
    "harris": "Harris",
    "shi_tomasi": "Shi-Tomasi",
    "canny": "Canny",
    "random": "random",
}
MEASURES = {
    "edge_precision": "edge\nprecision %",
    "edge_recall": "edge\nrecall %",
    "corner_precision": "corner\nprecision %",
    "corner_recall": "corner\nrecall %",
}
FIGURES = ("pipeline", "epochs", "points", "point_scores", "shannon")


def slem_part(console: Console, overrides: list[str]) -> int:
    """Runs ``slem/structures`` unless it is finished, prints its table and where its figures are; 1 when it failed."""
    start = time.perf_counter()
    console.print("SLEM on generated structures: one small learner per picture, a gradient step per pixel.")
    cell = Planner().plan(compose_experiment(["experiment=slem/structures", *overrides]))
    (outcome,) = run_cells([cell])
    if outcome.state == "failed":
        console.print(f"failed: {outcome.message} (log: {outcome.path})", highlight=False)
        return 1
    run = RunDirectory.open(outcome.path)
    summary = run.record.summary
    table = Table(title=f"{summary['test/pictures']} pictures, {summary['test/points']:.0f} points each")
    table.add_column("points of")
    for title in MEASURES.values():
        table.add_column(title, justify="right")
    for source, name in SOURCES.items():
        values = [100 * summary[f"test/{source}_{measure}"] for measure in MEASURES]
        table.add_row(name, *(f"{value:.0f}" for value in values))
    console.print(table)
    rho, low, high = (summary[f"test/shannon_activity{end}"] for end in ("", "_low", "_high"))
    console.print(
        f"Adaptation activity follows Shannon entropy: rho {rho:.2f} [{low:.2f}, {high:.2f}].",
        highlight=False,
    )
    for name in FIGURES:
        console.print(str(run.artifacts.path / f"{name}.png"), highlight=False, soft_wrap=True)
    console.print(f"{time.perf_counter() - start:.0f} s", highlight=False)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(slem_part(Console(), sys.argv[1:]))
    except UserError as error:
        sys.exit(f"error: {error}")
