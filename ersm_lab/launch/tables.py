"""The runs of a table: trials of each row on validation, then the row's seeds with what the trials chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ersm_lab.config.compose import compose_experiment
from ersm_lab.config.tables import combinations
from ersm_lab.errors import UserError
from ersm_lab.launch.cells import Cell, prepare
from ersm_lab.launch.pool import Outcome, run_cells, run_one
from ersm_lab.runs.directory import RunDirectory


@dataclass
class RowRuns:
    """What there is of one row: run directories by seed, failures by seed, and every trial with its score.

    A trial's ``run`` is its run directory, or why there is none (its ``score`` is then None).
    """

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

    ``overrides`` of the command line are applied to every run, last. What cannot start (no data, a backbone that failed)
    or fails is named under the row's seed and leaves the others alone; a row whose trials all failed is not run. Rows that
    are not built (``built: false``) are left out.

    Raises
    ------
    UserError: a configuration that does not compose, or ``tuning.metric`` that the trials do not report.
    """
    plans = {name: row for name, row in table["rows"].items() if row.get("built", True)}
    rows = {name: RowRuns([]) for name in plans}
    common = {
        name: [f"experiment={row.get('experiment') or table['experiment']}", *table["overrides"], *row["overrides"]]
        for name, row in plans.items()
    }  # fmt: skip
    planned = [(name, trial) for name, row in plans.items() for trial in combinations(row["tune"]) if trial]
    tuning = table["tuning"]
    last = [*overrides, f"seed={tuning['seed']}", *tuning["overrides"]]
    tried = _run([[*common[name], *trial, *last] for name, trial in planned], jobs, refresh, report)
    for (name, trial), (path, why) in zip(planned, tried, strict=True):
        score = None if path is None else _score(path, tuning["metric"])
        rows[name].trials.append({"overrides": trial, "score": score, "run": why or str(path)})
    for row in rows.values():
        if row.trials and all(trial["score"] is None for trial in row.trials):
            why = f"every trial failed, the first with: {row.trials[0]['run']}"
            row.failed = dict.fromkeys(table["seeds"], why)
        else:
            row.chosen = _best(row.trials, tuning["mode"])
    finals = [(name, seed) for name, row in rows.items() if not row.failed for seed in table["seeds"]]
    done = _run(
        [[*common[name], *rows[name].chosen, *overrides, f"seed={seed}"] for name, seed in finals],
        jobs, refresh, report,
    )  # fmt: skip
    for (name, seed), (path, why) in zip(finals, done, strict=True):
        if path is None:
            rows[name].failed[seed] = why
        else:
            rows[name].runs[seed] = path
    return rows


def _run(
    wanted: list[list[str]], jobs: int, refresh: bool, report: Callable[[Outcome, int, int], None] | None
) -> list[tuple[Path | None, str]]:
    """A run directory and "", or None and why there is none, for each list of overrides."""
    cells: list[Cell | str] = []
    backbones: dict[str, tuple[Path, str]] = {}
    broken: dict[str, str] = {}

    def upstream(cell: Cell) -> Path:
        # a backbone that failed is not run again for every head
        key = cell.record["config_hash"]
        if key not in broken:
            try:
                return run_one(cell)
            except SystemExit as error:
                broken[key] = str(error).removeprefix("error: ")
        raise UserError(broken[key])

    for experiment in [
        compose_experiment(words) for words in wanted
    ]:  # mistakes are found before anything runs
        try:
            cells.append(prepare(experiment, upstream, backbones))
        except UserError as error:
            cells.append(str(error))
    outcomes = iter(run_cells([cell for cell in cells if not isinstance(cell, str)], jobs, refresh, report))
    found: list[tuple[Path | None, str]] = []
    for cell in cells:
        if isinstance(cell, str):
            found.append((None, cell))
        elif (outcome := next(outcomes)).state == "failed":
            found.append((None, f"{outcome.message} (log: {outcome.path})"))
        else:
            found.append((outcome.path, ""))
    return found


def _score(run: Path, metric: str) -> float:
    summary = RunDirectory.open(run).record["summary"]
    if metric not in summary:
        raise UserError(f"tuning.metric: {run} reports no '{metric}', but {', '.join(sorted(summary))}")
    return float(summary[metric])


def _best(trials: list[dict[str, Any]], mode: str) -> list[str]:
    """The overrides of the best trial; the first of equals; none where nothing is tuned."""
    scored = [trial for trial in trials if trial["score"] is not None]
    sign = 1 if mode == "max" else -1
    chosen: list[str] = max(scored, key=lambda trial: sign * trial["score"])["overrides"] if scored else []
    return chosen
