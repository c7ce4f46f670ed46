"""``ersm-lab table``: trials of each row on validation, then the row's seeds with what the trials chose, then the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ersm_lab.config.composer import Composer
from ersm_lab.config.store import frozen
from ersm_lab.core.errors import UserError
from ersm_lab.launch.clusters import make_launcher
from ersm_lab.launch.planned import run_planned
from ersm_lab.launch.pool import Launcher, Watcher
from ersm_lab.launch.status import Status
from ersm_lab.plan.graph import Planned, Planner, missing_backbones
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.index import finished_runs
from ersm_lab.sweeps.command import show_planned, terminable
from ersm_lab.tables.schema import combinations, load_table, table_request
from ersm_lab.tables.summary import summarise
from ersm_lab.tables.text import markdown
from ersm_lab.tables.write import write_table


@dataclass
class RowRuns:
    """What there is of one row: run directories by seed, failures by seed, and every trial with its score.

    A trial's ``run`` is its run directory, or why there is none (its ``score`` is then None).
    """

    chosen: list[str]
    trials: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[int, Path] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


def command(words: Sequence[str]) -> int:
    """Runs (``--dry-run``: lists) what tables lack, and writes them. 0 when they are complete, 1 otherwise."""
    with frozen(), terminable():
        names, request = table_request(words)
        tables = {
            name: load_table(name) for name in names
        }  # a mistake in the last is found before anything runs
        plans = {name: TablePlan(table, request.words) for name, table in tables.items()}
        if request.dry_run:
            for plan in plans.values():
                plan.show(request.refresh)
            return 0
        launcher = make_launcher(request.launcher, request.jobs)
        complete = True
        for name, plan in plans.items():
            with Status(0, request.jobs, plan.names) as status:
                rows = plan.run(launcher, request.refresh, status)
            summary = summarise(tables[name], rows)
            paths = write_table(plan.outputs / "tables" / name, summary)
            print(f"{status.line()}\n\n{markdown(summary)}\n{paths['md']}", flush=True)
            complete = complete and not summary["missing"]
    return 0 if complete else 1


class TablePlan:
    """The runs of a table (see ``config.tables``). Rows that are not built (``built: false``) are left out.

    Parameters
    ----------
    table: as ``config.tables.load_table`` gives it.
    overrides: of the command line, applied to every run, last.

    ``names`` says what to call each run, by config hash.

    Raises
    ------
    UserError: a configuration that does not compose.
    """

    def __init__(self, table: Mapping[str, Any], overrides: Sequence[str] = ()) -> None:
        self._table, self._overrides = table, list(overrides)
        self._compose, self._planner = Composer(), Planner()
        self._rows = {name: row for name, row in table["rows"].items() if row.get("built", True)}
        tuning = table["tuning"]
        last = [*overrides, f"seed={tuning['seed']}", *tuning["overrides"]]
        self._tried = [
            (name, trial) for name, row in self._rows.items() for trial in combinations(row["tune"]) if trial
        ]
        self.names: dict[str, str] = {}
        self._trials = [
            self._plan([*self._common(name), *trial, *last], " ".join([name, "trial", *trial]))
            for name, trial in self._tried
        ]
        # mistakes of rows that are not tuned are found now; what trials choose is composed after them
        self._plan_finals({name: [] for name in self._rows})
        self.outputs = Path(self._compose(self._overrides).config["paths"]["outputs"])

    def run(
        self, launcher: Launcher, refresh: bool = False, watcher: Watcher | None = None
    ) -> dict[str, RowRuns]:
        """Runs what is missing and says where the runs are.

        What cannot start (no data) or fails, itself or its backbone, is named under the row's seed and leaves the others
        alone; a row whose trials all failed is not run.

        Raises
        ------
        UserError: ``tuning.metric`` that the trials do not report.
        """
        watcher = watcher or Watcher()
        seeds = list(self._table["seeds"])
        watcher.expect(len(self._rows) * len(seeds))

        def act(planned: Sequence[Planned]) -> list[tuple[Path | None, str]]:
            once = {
                _digest(item): item for item in planned
            }  # rows that are parts of one run ask for it alike
            watcher.expect(len(once) - len(planned) + len(missing_backbones(planned, refresh)))
            _, outcomes = run_planned(list(once.values()), launcher, refresh, watcher)
            found = {
                digest: (None, f"{outcome.message} (log: {outcome.path})") if outcome.state == "failed" else (outcome.path, "")
                for digest, outcome in zip(once, outcomes, strict=True)
            }  # fmt: skip
            return [found[_digest(item)] for item in planned]

        watcher.expect(sum(isinstance(item, Planned) for item in self._trials))
        rows = self._choose(_each(self._trials, act))
        chosen = {name: row.chosen for name, row in rows.items() if not row.failed}
        finals = self._plan_finals(chosen)
        watcher.expect(sum(isinstance(item, Planned) for item in finals) - len(self._rows) * len(seeds))
        wanted = [(name, seed) for name in chosen for seed in seeds]
        for (name, seed), (path, why) in zip(wanted, _each(finals, act), strict=True):
            if path is None:
                rows[name].failed[seed] = why
            else:
                rows[name].runs[seed] = path
        return rows

    def show(self, refresh: bool = False) -> None:
        """Lists every run with its state; those that wait for a choice between trials are only counted."""
        print(f"{self._table['title']}:")
        finished = {} if refresh else finished_runs({self.outputs})

        def look(planned: Sequence[Planned]) -> list[tuple[Path | None, str]]:
            return [(finished.get((self.outputs, _digest(item))), "") for item in planned]

        trials = _each(self._trials, look)
        waiting = any(path is None and not why for path, why in trials)
        finals: list[Planned | str] = []
        if not (self._trials and waiting):
            chosen = {name: row.chosen for name, row in self._choose(trials).items() if not row.failed}
            finals = self._plan_finals(chosen)
        every = [*self._trials, *finals]
        show_planned([item for item in every if isinstance(item, Planned)], refresh)
        for why in dict.fromkeys(item for item in every if isinstance(item, str)):
            print(f"cannot start: {why}")
        if self._trials and waiting:
            print(f"and {len(self._rows) * len(self._table['seeds'])} runs with what the trials choose")

    def _choose(self, found: Sequence[tuple[Path | None, str]]) -> dict[str, RowRuns]:
        """Rows with their trials, and for each the best one's overrides."""
        tuning = self._table["tuning"]
        rows = {name: RowRuns([]) for name in self._rows}
        for (name, trial), (path, why) in zip(self._tried, found, strict=True):
            score = None if path is None else _score(path, tuning["metric"])
            rows[name].trials.append({"overrides": trial, "score": score, "run": why or str(path)})
        for row in rows.values():
            if row.trials and all(trial["score"] is None for trial in row.trials):
                why = f"every trial failed, the first with: {row.trials[0]['run']}"
                row.failed = dict.fromkeys(self._table["seeds"], why)
            else:
                row.chosen = _best(row.trials, tuning["mode"])
        return rows

    def _plan_finals(self, chosen: Mapping[str, Sequence[str]]) -> list[Planned | str]:
        return [
            self._plan([*self._common(name), *words, *self._overrides, f"seed={seed}"], f"{name} seed {seed}")
            for name, words in chosen.items()
            for seed in self._table["seeds"]
        ]

    def _common(self, name: str) -> list[str]:
        row = self._rows[name]
        experiment = row.get("experiment") or self._table["experiment"]
        return [f"experiment={experiment}", *self._table["overrides"], *row["overrides"]]

    def _plan(self, words: list[str], name: str) -> Planned | str:
        """The run, or why it cannot start: its data are missing. A mistake in the configuration is raised."""
        experiment = self._compose(words)
        try:
            planned = self._planner.plan(experiment)
        except UserError as error:
            return str(error)
        if self.names.setdefault(_digest(planned), name) != name:  # a run of several rows
            self.names[_digest(planned)] = planned.cell.label
        if planned.backbone is not None:
            self.names[planned.backbone.record["config_hash"]] = planned.backbone.label
        return planned


def _each(
    items: Sequence[Planned | str],
    act: Callable[[Sequence[Planned]], Sequence[tuple[Path | None, str]]],
) -> list[tuple[Path | None, str]]:
    """A run directory and "", or None and why there is none, for each; ``act`` is given those that can start."""
    found = iter(act([item for item in items if isinstance(item, Planned)]))
    return [(None, item) if isinstance(item, str) else next(found) for item in items]


def _digest(planned: Planned) -> str:
    return str(planned.cell.record["config_hash"])


def _score(run: Path, metric: str) -> float | None:
    record = RunDirectory.open(run).record
    if metric not in record.summary:
        raise UserError(
            f"tuning.metric: {run} reports no '{metric}', but {', '.join(sorted(record.summary))}"
        )
    return record.number(metric)


def _best(trials: list[dict[str, Any]], mode: str) -> list[str]:
    """The overrides of the best trial; the first of equals; none where nothing is tuned."""
    scored = [trial for trial in trials if trial["score"] is not None]
    sign = 1 if mode == "max" else -1
    chosen: list[str] = max(scored, key=lambda trial: sign * trial["score"])["overrides"] if scored else []
    return chosen
