"""Runs what is missing of the cells of a study: backbones first, then what stands on them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.launch.gpus import visible_gpus
from ersm_lab.launch.jobs import AnyLauncher, Outcome, WaitingWatcher, Watcher
from ersm_lab.launch.local import LocalLauncher
from ersm_lab.launch.pool import drive
from ersm_lab.plan.cells import Cell, outputs_of
from ersm_lab.plan.states import FinishedRuns, missing_backbones


def run_cells(
    cells: Sequence[Cell],
    launcher: AnyLauncher | None = None,
    *,
    refresh: bool = False,
    watcher: Watcher | None = None,
) -> list[Outcome]:
    """Runs what is missing, and returns an outcome per cell in their order.

    A finished cell needs no backbone any more, and one whose backbone failed fails with it; the others go on.

    Parameters
    ----------
    cells: what is wanted; equal cells are run once.
    launcher: where they run; by default one process at a time on this machine.
    refresh: run finished cells again (their finished backbones stay).
    watcher: told what starts and ends meanwhile, backbones included; by default it says what is waited for.
    """
    watcher = watcher or WaitingWatcher()
    needed = missing_backbones(cells, refresh)
    watcher.expect(len(needed) + len(cells))
    first = _run(needed, launcher, False, watcher)
    below = {outcome.cell.config_hash: outcome for outcome in first}
    ready: list[Cell] = []
    lost: dict[int, Outcome] = {}
    for index, cell in enumerate(cells):
        upstream = below.get(cell.backbone.config_hash) if cell.backbone else None
        if upstream is not None and upstream.state == "failed":
            why = f"its backbone's run failed: {upstream.message}"
            lost[index] = Outcome(cell, "failed", upstream.path, why)
            watcher.settled(lost[index])
        else:
            ready.append(cell.on(upstream.path) if upstream else cell)
    rest = iter(_run(ready, launcher, refresh, watcher))
    return [lost[index] if index in lost else next(rest) for index in range(len(cells))]


def with_backbone(cell: Cell, launcher: AnyLauncher | None = None, *, watcher: Watcher | None = None) -> Cell:
    """``cell`` as it can be run in this process: on the weights of its backbone, which is run first where that is missing.

    Raises ``UserError`` when that run fails.
    """
    if cell.backbone is None:
        return cell
    return cell.on(backbone_run(cell.backbone, launcher, watcher=watcher or _FirstWatcher()))


def backbone_run(backbone: Cell, launcher: AnyLauncher | None = None, *, watcher: Watcher) -> Path:
    """The finished run of ``backbone``, which is run where it is missing. Raises ``UserError`` when that fails."""
    (outcome,) = run_cells([backbone], launcher, watcher=watcher)
    if outcome.state == "failed":
        raise UserError(f"{backbone.label} failed: {outcome.message} (log: {outcome.path})")
    return outcome.path


class _FirstWatcher(WaitingWatcher):
    def started(self, cell: Cell) -> None:
        print(f"running {cell.label} first", flush=True)


def _run(
    cells: Sequence[Cell], launcher: AnyLauncher | None, refresh: bool, watcher: Watcher
) -> list[Outcome]:
    """Those that are not finished, each once; an outcome per cell in their order."""
    if refresh:
        cells = [replace(cell, asked=time.time()) for cell in cells]
    finished = FinishedRuns(() if refresh else outputs_of(cells))
    outcomes: dict[int, Outcome] = {}
    wanted: dict[str, list[int]] = {}

    def settle(index: int, outcome: Outcome) -> None:
        outcomes[index] = outcome
        watcher.settled(outcome)

    for index, cell in enumerate(cells):
        if (run := finished.of(cell)) is not None:
            settle(index, Outcome(cell, "skipped", run))
        else:
            wanted.setdefault(cell.config_hash, []).append(index)
    if wanted:
        first = (cells[indices[0]] for indices in wanted.values())
        for outcome in drive(first, launcher or LocalLauncher(1, visible_gpus()), watcher):
            for index in wanted[outcome.cell.config_hash]:  # equal cells share the outcome of the first
                settle(index, outcome)
    return [outcomes[index] for index in range(len(cells))]
