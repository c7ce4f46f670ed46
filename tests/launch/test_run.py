"""What is run of the cells of a study, in which order, and what is said of those that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.launch.jobs import Answer, Outcome, Watcher
from ersm_lab.launch.listing import print_states, tell_failures
from ersm_lab.launch.run import run_cells, with_backbone
from ersm_lab.plan.cells import Cell, backbone_settings
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.directory import RunDirectory
from tests.conftest import TINY
from tests.launch.cells import named_cell


class Recorded:
    """Leaves a finished run directory for each job, except for those that are to fail."""

    def __init__(self, failing: Sequence[str] = ()) -> None:
        self.slots, self.started, self._failing = 1, list[Cell](), failing

    def start(self, cell: Cell, log: Path) -> Answer:
        self.started.append(cell)
        if cell.experiment.name in self._failing:
            return Answer("failed", "out of memory")
        run = RunDirectory.create(cell.outputs, "ersm", cell.experiment.name, {}, [], cell.identity)
        run.finish("finished")
        return Answer("done", str(run.path))

    def wait(self, jobs: Sequence[Answer], seconds: float) -> Sequence[Answer]:
        return jobs

    def result(self, job: Answer) -> Answer:
        return job

    def cancel(self, jobs: Sequence[Answer]) -> None: ...

    @property
    def names(self) -> list[str]:
        return [cell.experiment.name for cell in self.started]


class Settled(Watcher):
    def __init__(self) -> None:
        self.states: list[str] = []
        self.expected = 0

    def expect(self, more: int) -> None:
        self.expected += more

    def settled(self, outcome: Outcome) -> None:
        self.states.append(outcome.state)


def test_a_cell_whose_backbone_failed_fails_with_its_reason_and_the_others_go_on(lab: Path) -> None:
    head = replace(named_cell("h"), backbone=named_cell("b"))
    launcher, watcher = Recorded(["b"]), Settled()
    first, second = run_cells([head, named_cell("a")], launcher, watcher=watcher)
    assert launcher.names == ["b", "a"]
    assert (first.state, second.state) == ("failed", "done")
    assert first.message == "its backbone's run failed: out of memory"
    assert sorted(watcher.states) == ["done", "failed", "failed"]
    assert watcher.expected == 3  # the backbone is one


def test_equal_cells_are_run_once_and_finished_ones_not_at_all(lab: Path) -> None:
    launcher = Recorded()
    twice = run_cells([named_cell("a"), named_cell("a")], launcher)
    assert [outcome.state for outcome in twice] == ["done", "done"]
    assert twice[0].path == twice[1].path
    assert [outcome.state for outcome in run_cells([named_cell("a")], launcher)] == ["skipped"]
    assert launcher.names == ["a"]
    assert [outcome.state for outcome in run_cells([named_cell("a")], launcher, refresh=True)] == ["done"]


def test_a_single_run_gets_its_backbone_first_and_once(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = Planner().plan(compose_experiment(["experiment=ersm/digits", *TINY]))
    assert cell.backbone is not None
    launcher = Recorded()
    ready = with_backbone(cell, launcher)
    assert capsys.readouterr().out == f"running {cell.backbone.label} first\n"
    settings = backbone_settings(ready.experiment.config)
    assert settings is not None
    assert Path(str(settings.checkpoint)).parents[1].is_dir()
    assert with_backbone(cell, launcher) == ready
    assert launcher.names == ["digits_backbone"]
    assert with_backbone(named_cell("a")) == named_cell("a")


def test_a_single_run_whose_backbone_fails_is_one_line(lab: Path) -> None:
    cell = replace(named_cell("h"), backbone=named_cell("b"))
    with pytest.raises(UserError, match=r"^ersm/b seed 0 failed: out of memory \(log: .*\)$"):
        with_backbone(cell, Recorded(["b"]))


def test_failures_are_listed_once_each_with_their_logs(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (Outcome(named_cell(name), "failed", Path("x.log"), "why") for name in "ab")
    assert tell_failures([one, one], {}) == 1
    assert capsys.readouterr().err.splitlines() == [
        "1 cell failed; the same command runs it again:",
        "  ersm/a seed 0: why",
        "    log: x.log",
    ]
    assert tell_failures([one, other], {one.cell.config_hash: "the first"}) == 1
    said = capsys.readouterr().err
    assert said.startswith("2 cells failed; the same command runs only these again:\n  the first: why\n")
    assert tell_failures([Outcome(named_cell("a"), "done", Path("run"))], {}) == 0
    assert capsys.readouterr().err == ""


def test_states_are_a_line_each_and_a_count(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (done,) = run_cells([named_cell("a")], Recorded())
    print_states([named_cell("a"), named_cell("b")])
    assert capsys.readouterr().out.splitlines() == [
        f"finished {8 * 'a'}  ersm/a seed 0  {done.path}",
        f"missing  {8 * 'b'}  ersm/b seed 0",
        "1 finished, 0 running, 1 missing",
        "1 finished by another version of the package; --refresh runs the finished again",
    ]
