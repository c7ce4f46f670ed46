"""Planned cells in their order: backbones first, then what stands on them."""

from __future__ import annotations

from collections.abc import Sequence

from ersm_lab.launch.pool import Launcher, Outcome, Watcher, run_cells
from ersm_lab.plan.cells import Cell, on_backbone
from ersm_lab.plan.graph import Planned, missing_backbones


def run_planned(
    planned: Sequence[Planned], launcher: Launcher, refresh: bool = False, watcher: Watcher | None = None
) -> tuple[list[Outcome], list[Outcome]]:
    """Backbones first, then what stands on them: outcomes of both.

    Finished cells need no backbone any more, and a cell whose backbone failed fails with it; the others go on.
    """
    watcher = watcher or Watcher()
    first = run_cells(missing_backbones(planned, refresh), launcher=launcher, watcher=watcher)
    below = {outcome.cell.record["config_hash"]: outcome for outcome in first}
    ready: list[Cell] = []
    lost: dict[int, Outcome] = {}
    for index, item in enumerate(planned):
        upstream = below.get(item.backbone.record["config_hash"]) if item.backbone else None
        if upstream is not None and upstream.state == "failed":
            lost[index] = Outcome(item.cell, "failed", upstream.path, "its backbone's run failed")
            watcher.settled(lost[index])
        else:
            ready.append(on_backbone(item.cell, upstream.path) if upstream else item.cell)
    rest = iter(run_cells(ready, refresh=refresh, launcher=launcher, watcher=watcher))
    return first, [lost[index] if index in lost else next(rest) for index in range(len(planned))]
