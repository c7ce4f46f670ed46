"""``ersm-lab table``: runs, or lists, what tables lack, and writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ersm_lab.config.store import frozen
from ersm_lab.core.words import counted
from ersm_lab.launch.interrupts import terminable
from ersm_lab.launch.jobs import AnyLauncher, Outcome, Watcher
from ersm_lab.launch.launchers import make_launcher
from ersm_lab.launch.listing import print_states
from ersm_lab.launch.run import run_cells
from ersm_lab.launch.status import Status
from ersm_lab.plan.cells import Cell
from ersm_lab.plan.states import FinishedRuns
from ersm_lab.tables.files import table_folder, write_table
from ersm_lab.tables.plan import Found, TablePlan, Wanted
from ersm_lab.tables.request import table_request
from ersm_lab.tables.rows import RowRuns
from ersm_lab.tables.summary import TableSummary, summarise
from ersm_lab.tables.text import markdown


def command(words: Sequence[str]) -> int:
    """Runs (``--dry-run``: lists) what tables lack, and writes them. 0 when they are complete, 1 otherwise."""
    with frozen(), terminable():
        request = table_request(words)
        # every run of every table is planned first: a mistake in the last is found before anything runs
        plans = {name: TablePlan(table, request.overrides) for name, table in request.tables.items()}
        if request.launch.dry_run:
            for plan in plans.values():
                show_table(plan, request.launch.refresh)
            return 0
        launcher = make_launcher(request.launch)
        summaries = []
        for name, plan in plans.items():
            with Status(request.launch.jobs, plan.names) as status:
                summary, file = make_table(name, plan, launcher, status, request.launch.refresh)
            print(f"{status.line()}\n\n{markdown(summary)}\n{file}", flush=True)
            summaries.append(summary)
    return 1 if any(summary.missing for summary in summaries) else 0


def make_table(
    name: str, plan: TablePlan, launcher: AnyLauncher, watcher: Watcher, refresh: bool = False
) -> tuple[TableSummary, Path]:
    """Runs what the table ``name`` lacks and writes it: what it says, and the file that people read."""
    summary = summarise(plan.table, run_table(plan, launcher, refresh, watcher))
    return summary, write_table(table_folder(plan.outputs, name), summary)["md"]


def run_table(
    plan: TablePlan, launcher: AnyLauncher, refresh: bool = False, watcher: Watcher | None = None
) -> dict[str, RowRuns]:
    """Runs what a table lacks and says where its runs are.

    What cannot start (no data) or fails, itself or its backbone, is named under the row's seed and leaves the others alone; a
    row whose trials all failed is not run.

    Raises
    ------
    UserError: ``tuning.metric`` that the trials do not report.
    """
    watcher = watcher or Watcher()
    untried = len(plan.table.built) * len(plan.table.seeds)  # runs that are not planned yet
    watcher.expect(untried)

    def run(cells: Sequence[Cell]) -> list[Found]:
        return [_found(item) for item in run_cells(cells, launcher, refresh=refresh, watcher=watcher)]

    rows = plan.choose(_each(plan.trials, run))
    finals = plan.finals({name: row.chosen for name, row in rows.items() if not row.failed})
    watcher.expect(-untried)
    for wanted, found in zip(finals, _each(finals, run), strict=True):
        if found.run is None:
            rows[wanted.row].failed[wanted.seed] = found.why
        else:
            rows[wanted.row].runs[wanted.seed] = found.run
    return rows


def show_table(plan: TablePlan, refresh: bool = False) -> None:
    """Lists every run with its state; those that wait for a choice between trials are only counted."""
    print(f"{plan.table.title}:")
    finished = FinishedRuns(() if refresh else {plan.outputs})

    def look(cells: Sequence[Cell]) -> list[Found]:
        return [Found(finished.of(cell)) for cell in cells]

    trials = _each(plan.trials, look)
    waiting = any(item.run is None and not item.why for item in trials)
    finals: list[Wanted] = []
    if not waiting:
        finals = plan.finals(
            {name: row.chosen for name, row in plan.choose(trials).items() if not row.failed}
        )
    every = [*plan.trials, *finals]
    print_states([item.cell for item in every if item.cell is not None], refresh)
    for why in dict.fromkeys(item.why for item in every if item.why):
        print(f"cannot start: {why}")
    if waiting:
        count = len(plan.table.built) * len(plan.table.seeds)
        print(f"and {counted(count, 'run')} with what the trials choose")


def _cells(wanted: Sequence[Wanted]) -> dict[str, Cell]:
    """What can start, by config hash: rows that are parts of one run ask for it once."""
    return {item.digest: item.cell for item in wanted if item.cell is not None}


def _each(wanted: Sequence[Wanted], act: Callable[[Sequence[Cell]], Sequence[Found]]) -> list[Found]:
    """What became of each; ``act`` is given those that can start."""
    cells = _cells(wanted)
    found = dict(zip(cells, act(list(cells.values())), strict=True))
    return [Found(None, item.why) if item.cell is None else found[item.digest] for item in wanted]


def _found(outcome: Outcome) -> Found:
    if outcome.state == "failed":
        return Found(None, f"{outcome.message} (log: {outcome.path})")
    return Found(outcome.path)
