"""``ersm-lab train -m``: compose everything, list or run what is missing, say what failed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ersm_lab.config.command_line import compose_all, split_config_dir
from ersm_lab.config.composer import compose_cells
from ersm_lab.config.store import frozen
from ersm_lab.launch.clusters import make_launcher
from ersm_lab.launch.planned import run_planned
from ersm_lab.launch.pool import Outcome, Watcher
from ersm_lab.launch.status import Status
from ersm_lab.plan.cells import Cell
from ersm_lab.plan.graph import Planned, Planner, backbones, missing_backbones, outputs_of, short_names
from ersm_lab.runs.hashing import package_digest
from ersm_lab.runs.index import run_states
from ersm_lab.sweeps.record import SweepRecord, sweep_folder
from ersm_lab.sweeps.schema import SweepRequest, sweep_request


def command(words: Sequence[str]) -> int:
    """Runs, or with ``--dry-run`` lists, a sweep. 0 when every cell is finished, 1 when one failed."""
    words, own = split_config_dir(words)
    with frozen(own), terminable():
        request = sweep_request(words)
        if request.search is not None:
            return _search(request)
        if any(word.startswith("-") for word in request.words):  # --help, --cfg: Hydra's own
            experiments, _, _ = compose_all(["-m", *request.words])
        else:
            experiments = compose_cells(request.words)
        if not experiments:
            return 0
        planner = Planner()
        planned = [planner.plan(experiment) for experiment in experiments]
        return show_planned(planned, request.refresh) if request.dry_run else _run(planned, request)


def _search(request: SweepRequest) -> int:
    from ersm_lab.sweeps.search import Search, best_lines, describe, run_search

    search = Search(request)
    if request.dry_run:
        print("\n".join(describe(search)))
        return 0

    @contextmanager
    def watch(total: int, record: SweepRecord) -> Iterator[Watcher]:
        with Status(total, request.jobs, shared=search.fixed) as status:
            yield Both(status, record)
        print(status.line())

    outcomes = run_search(search, request, make_launcher(request.launcher, request.jobs), watch)
    print("\n".join([*best_lines(search, search.best()), f"study: {search.database}"]), flush=True)
    return tell_failures(outcomes, {})


class Both(Watcher):
    """Passes what happens on to the terminal and to the record."""

    def __init__(self, status: Status, record: SweepRecord) -> None:
        self._status, self._record = status, record

    def started(self, cell: Cell) -> None:
        self._status.started(cell)

    def held(self, cell: Cell) -> None:
        self._status.held(cell)

    def settled(self, outcome: Outcome) -> None:
        self._status.settled(outcome)
        self._record.settled(outcome)

    def tick(self) -> None:
        self._status.tick()


def _run(planned: Sequence[Planned], request: SweepRequest) -> int:
    cells = [item.cell for item in planned]
    names = short_names([*backbones(planned), *cells])
    launcher = make_launcher(request.launcher, request.jobs)
    below = missing_backbones(planned, request.refresh)
    hashes = [cell.record["config_hash"] for cell in cells]
    record = SweepRecord(
        sweep_folder(min(outputs_of(planned)), request.name, hashes),
        {"name": request.name, "command": request.said, "launcher": request.launcher, "jobs": request.jobs},
        {cell.record["config_hash"]: names[cell.record["config_hash"]] for cell in (*below, *cells)},
    )
    outcomes: list[Outcome] | None = None
    try:
        with Status(len(cells) + len(below), request.jobs, names) as status:
            first, rest = run_planned(planned, launcher, request.refresh, Both(status, record))
        outcomes = [*first, *rest]
    finally:
        record.close(outcomes)
    print(f"{status.line()}\nsweep: {record.path}", flush=True)
    return tell_failures(outcomes, names)


def tell_failures(outcomes: Sequence[Outcome], names: dict[str, str]) -> int:
    """Lists what failed with its log, on standard error; the exit code."""
    failed = {
        outcome.cell.record["config_hash"]: outcome for outcome in outcomes if outcome.state == "failed"
    }
    if not failed:
        return 0
    print(f"{len(failed)} failed; the same command again runs only these:", file=sys.stderr)
    for digest, outcome in failed.items():
        name = names.get(digest, outcome.cell.label)
        print(f"  {name}: {outcome.message}\n    log: {outcome.path}", file=sys.stderr)
    return 1


def show_planned(planned: Sequence[Planned], refresh: bool = False) -> int:
    """One line per cell: what is finished (and where), what is running now, what would run."""
    states = {digest: state for (_, digest), state in run_states(outputs_of(planned)).items()}
    names = short_names([*backbones(planned), *(item.cell for item in planned)])
    counts = {"finished": 0, "running": 0, "missing": 0}
    below = {cell.record["config_hash"] for cell in missing_backbones(planned, refresh)}
    rows: dict[str, Any] = {cell.record["config_hash"]: cell for cell in backbones(planned)}
    rows = {digest: cell for digest, cell in rows.items() if digest in below}
    rows |= {item.cell.record["config_hash"]: item.cell for item in planned}
    for digest in rows:
        state, run = states.get(digest, ("missing", None))
        if state not in counts or (refresh and digest not in below):
            state, run = "missing", None
        counts[state] += 1
        where = f"  {run}" if run is not None else ""
        print(f"{state:8s} {digest[:8]}  {names[digest]}{where}")
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    if older := _older(states, rows):
        print(f"{older} finished by another version of the package; --refresh runs the finished again")
    return 0


def _older(states: dict[str, Any], rows: dict[str, Any]) -> int:
    from ersm_lab.runs.directory import RunDirectory

    found = [states[digest][1] for digest in rows if states.get(digest, ("", None))[0] == "finished"]
    return sum(RunDirectory.open(run).record.package_digest != package_digest() for run in found)


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM ends the sweep and what it runs, with exit code 143."""

    told = False

    def stop(*_: Any) -> None:
        nonlocal told
        told = True
        sys.exit(143)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except SystemExit:
        if told:  # Ray makes an exit code of its own of ours
            raise SystemExit(143) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
