"""Runs what claims lack: whole tables, and cells of experiments, each once however many claims need it."""

from __future__ import annotations

from collections.abc import Sequence

from ersm_lab.claims.request import Claim
from ersm_lab.claims.shelf import Shelf
from ersm_lab.launch.gpus import visible_gpus
from ersm_lab.launch.local import LocalLauncher
from ersm_lab.launch.run import run_cells
from ersm_lab.launch.status import Status
from ersm_lab.plan.cells import short_names
from ersm_lab.plan.states import backbones
from ersm_lab.tables.plan import TablePlan
from ersm_lab.tables.run import make_table
from ersm_lab.tables.schema import load_table


def launch_missing(claims: Sequence[Claim], overrides: Sequence[str], shelf: Shelf, jobs: int) -> bool:
    """Runs what ``claims`` lack on this machine, ``jobs`` at a time. Whether anything was lacking."""
    lacking = [claim for claim in claims if not shelf.of_claim(claim).complete]
    launcher = LocalLauncher(jobs, visible_gpus())
    tables = dict.fromkeys(claim.study.table for claim in lacking)
    for name in (name for name in tables if name is not None):
        plan = TablePlan(load_table(name), overrides)
        with Status(jobs, plan.names) as status:
            make_table(name, plan, launcher, status)
    if cells := shelf.lacking(lacking):
        with Status(jobs, short_names([*backbones(cells), *cells])) as status:
            run_cells(cells, launcher, watcher=status)
    return bool(lacking)
