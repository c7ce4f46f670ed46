"""The runs of a table: trials of each row on validation, then the row's seeds with what the trials chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ersm_lab.config.compose import compose_experiment
from ersm_lab.config.tables import combinations
from ersm_lab.errors import UserError
from ersm_lab.launch.cells import prepare_all
from ersm_lab.launch.pool import Outcome, run_cells, run_one
from ersm_lab.runs.directory import RunDirectory


@dataclass
class RowRuns:
    """What there is of one row: run directories by seed, failures by seed, and every trial with its score."""

    chosen: list[str]
    trials: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[int, Path] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


def run_table(
    table: Mapping[str, Any],
    overrides: list[str],
    jobs: int = 1,
    refresh: bool = False,
    report: Callable[[Outcome, int, int], None] | None = None,
) -> dict[str, RowRuns]:
    """Runs what is missing of a table (see ``config.tables``) and says where its runs are.

    ``overrides`` of the command line are applied to every run, last. A row whose trials all failed is not run.
    """
    common = [f"experiment={table['experiment']}", *table["overrides"]]
    rows = {name: RowRuns([]) for name in table["rows"]}
    planned = [
        (name, trial) for name, row in table["rows"].items() for trial in combinations(row["tune"]) if trial
    ]
    tuning = table["tuning"]
    if planned:
        cells = prepare_all(
            [
                compose_experiment(
                    [
                        *common,
                        *table["rows"][name]["overrides"],
                        *trial,
                        *overrides,
                        f"seed={tuning['seed']}",
                        *tuning["overrides"],
                    ]
                )
                for name, trial in planned
            ],
            run_one,
        )
        for (name, trial), outcome in zip(planned, run_cells(cells, jobs, refresh, report), strict=True):
            score = None if outcome.state == "failed" else _score(outcome.path, tuning["metric"])
            rows[name].trials.append({"overrides": trial, "score": score, "run": str(outcome.path)})
        for name, row in rows.items():
            row.chosen = _best(name, row.trials, tuning["mode"])
    finals = [(name, seed) for name in rows for seed in table["seeds"]]
    cells = prepare_all(
        [
            compose_experiment(
                [*common, *table["rows"][name]["overrides"], *rows[name].chosen, *overrides, f"seed={seed}"]
            )
            for name, seed in finals
        ],
        run_one,
    )
    for (name, seed), outcome in zip(finals, run_cells(cells, jobs, refresh, report), strict=True):
        if outcome.state == "failed":
            rows[name].failed[seed] = f"{outcome.message} (log: {outcome.path})"
        else:
            rows[name].runs[seed] = outcome.path
    return rows


def _score(run: Path, metric: str) -> float:
    summary = RunDirectory.open(run).record["summary"]
    if metric not in summary:
        raise UserError(f"tuning.metric: {run} reports no '{metric}', but {', '.join(sorted(summary))}")
    return float(summary[metric])


def _best(name: str, trials: list[dict[str, Any]], mode: str) -> list[str]:
    """The overrides of the best trial; the first of equals."""
    scored = [trial for trial in trials if trial["score"] is not None]
    if trials and not scored:
        raise UserError(f"every trial of the row '{name}' failed; the log of the first: {trials[0]['run']}")
    sign = 1 if mode == "max" else -1
    chosen: list[str] = max(scored, key=lambda trial: sign * trial["score"])["overrides"] if scored else []
    return chosen
