"""``ersm-lab train -m``: compose every cell, list or run what is missing, say what failed."""

from __future__ import annotations

from collections.abc import Sequence

from ersm_lab.config.composer import compose_cells
from ersm_lab.launch.interrupts import terminable
from ersm_lab.launch.jobs import Outcome, Watchers
from ersm_lab.launch.launchers import make_launcher
from ersm_lab.launch.listing import print_states, tell_failures
from ersm_lab.launch.run import run_cells
from ersm_lab.launch.status import Status
from ersm_lab.plan.cells import Cell, outputs_of, short_names
from ersm_lab.plan.planner import Planner
from ersm_lab.plan.states import backbones, missing_backbones
from ersm_lab.sweeps.record import SweepRecord, sweep_folder
from ersm_lab.sweeps.request import SweepRequest
from ersm_lab.sweeps.search import Search, run_search
from ersm_lab.sweeps.text import best_lines, space_lines


def command(request: SweepRequest) -> int:
    """Runs, or with ``--dry-run`` lists, a sweep. 0 when every cell is finished, 1 when one failed."""
    with terminable():
        if request.search is not None:
            return _search(request)
        planner = Planner()
        cells = [planner.plan(experiment) for experiment in compose_cells(request.words)]
        if request.launch.dry_run:
            print_states(cells, request.launch.refresh)
            return 0
        return _grid(cells, request)


def _grid(cells: Sequence[Cell], request: SweepRequest) -> int:
    launch = request.launch
    launcher = make_launcher(launch)
    names = short_names([*backbones(cells), *cells])
    below = missing_backbones(cells, launch.refresh)
    folder = sweep_folder(min(outputs_of(cells)), request.name, [cell.config_hash for cell in cells])
    waiting = {cell.config_hash: names[cell.config_hash] for cell in (*below, *cells)}
    record = SweepRecord(folder, request, waiting)
    outcomes: list[Outcome] | None = None
    try:
        with Status(launch.jobs, names) as status:
            watcher = Watchers(status, record)
            outcomes = run_cells(cells, launcher, refresh=launch.refresh, watcher=watcher)
    finally:
        record.close(outcomes)
    print(f"{status.line()}\nsweep: {record.path}", flush=True)
    return tell_failures(outcomes, names)


def _search(request: SweepRequest) -> int:
    search = Search(request)
    if request.launch.dry_run:
        print("\n".join(space_lines(search)))
        return 0
    launcher = make_launcher(request.launch)
    with Status(request.launch.jobs, shared=search.fixed) as status:
        outcomes = run_search(search, launcher, status)
    print("\n".join([status.line(), *best_lines(search), f"search: {search.study.database}"]), flush=True)
    return tell_failures(outcomes, {})
