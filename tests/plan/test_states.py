"""What is finished, running and missing, from the run directories alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ersm_lab.plan.cells import Cell
from ersm_lab.plan.states import FinishedRuns, backbones, list_states, missing_backbones
from ersm_lab.runs.directory import RunDirectory
from tests.launch.cells import named_cell


def made(cell: Cell, status: str = "finished") -> RunDirectory:
    run = RunDirectory.create(cell.outputs, "ersm", cell.experiment.name, {}, [], cell.identity)
    if status != "running":
        run.finish(status)
    return run


def test_finished_runs_are_found_by_hash_and_folder(lab: Path) -> None:
    cell, other = named_cell("a"), named_cell("b")
    run = made(cell)
    made(other, "failed")
    finished = FinishedRuns({cell.outputs})
    assert finished.of(cell) == run.path
    assert finished.of(other) is None
    assert finished.of(named_cell("a", Path("elsewhere"))) is None


def test_every_state_is_listed_once_backbones_first(lab: Path) -> None:
    base = named_cell("base")
    cells = [replace(named_cell(name), backbone=base) for name in ("done", "going", "lost", "lost")]
    finished, running = made(cells[0]), made(cells[1], "running")
    made(cells[2], "failed")
    listed = list_states(cells)
    assert [(item.cell.experiment.name, item.state, item.run) for item in listed] == [
        ("base", "missing", None),
        ("done", "finished", finished.path),
        ("going", "running", running.path),
        ("lost", "missing", None),
    ]
    assert listed[1].is_of_other_code  # its record names no version of the package
    assert not listed[2].is_of_other_code


def test_a_refresh_asks_for_every_cell_again_but_keeps_finished_backbones(lab: Path) -> None:
    base = named_cell("base")
    cell = replace(named_cell("head"), backbone=base)
    made(base)
    made(cell)
    assert [item.state for item in list_states([cell])] == ["finished"]
    assert [item.state for item in list_states([cell], refresh=True)] == ["finished", "missing"]


def test_only_cells_that_are_not_finished_need_their_backbones(lab: Path) -> None:
    first, second = named_cell("x"), named_cell("y")
    cells = [replace(named_cell("a"), backbone=first), replace(named_cell("b"), backbone=second)]
    made(cells[0])
    assert backbones(cells) == [first, second]
    assert missing_backbones(cells) == [second]
    assert missing_backbones(cells, refresh=True) == [first, second]
