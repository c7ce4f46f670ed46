"""The runs of a table: trials on validation choose, failures are named, nothing is run twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ersm_lab.tables.run as tables
from ersm_lab.config.schema import RunConfig
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain
from ersm_lab.launch.jobs import Answer, Outcome, Watcher
from ersm_lab.plan.cells import Cell
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.record import RunIdentity
from ersm_lab.tables.plan import TablePlan
from ersm_lab.tables.rows import RowRuns
from ersm_lab.tables.schema import ReportedConfig, RowConfig, TableConfig, TuningConfig
from tests.conftest import TINY

TUNED = RowConfig("plain", overrides=["model=ersm/baseline"], tune={"optimizer.lr": [0.1, 0.2, 0.3]})
TABLE = TableConfig(
    title="T",
    experiment="ersm/digits",
    overrides=["model.backbone.from_experiment=null", *TINY],
    seeds=[0, 1],
    tuning=TuningConfig(seed=9),
    rows={"plain": TUNED},
)
SCORES = {0.1: 0.4, 0.2: 0.7, 0.3: 0.7}


def run(
    table: TableConfig, overrides: Sequence[str] = (), launcher: Any = None, watcher: Watcher | None = None
) -> dict[str, RowRuns]:
    return tables.run_table(TablePlan(table, overrides), launcher, watcher=watcher)


class Failing:
    """A launcher whose jobs all fail."""

    slots = 1

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, cell: Cell, log: Path) -> Any:
        self.started.append(cell.label)
        return cell.config_hash

    def wait(self, jobs: Sequence[Any], seconds: float) -> Sequence[Any]:
        return jobs

    def result(self, job: Any) -> Answer:
        return Answer("failed", "out of memory")

    def cancel(self, jobs: Sequence[Any]) -> None: ...


class Recording(Failing):
    """Records a finished run for each job; interrupted after some."""

    def __init__(self, lab: Path, stop_after: int = 99) -> None:
        super().__init__()
        self._lab, self._left = lab, stop_after

    def start(self, cell: Cell, log: Path) -> Any:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        super().start(cell, log)
        run = RunDirectory.create(
            self._lab / "outputs", "ersm", "digits", plain(cell.experiment.config), [], cell.identity
        )
        score = SCORES.get(cell.experiment.config.optimizer.lr, 0.5)
        run.finish("finished", summary={"val/accuracy": score})
        return str(run.path)

    def result(self, job: Any) -> Answer:
        return Answer("done", job)


@pytest.fixture
def ran(lab: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """Runs that are only recorded: what was asked for, and a summary that depends on the learning rate."""
    asked: list[RunConfig] = []

    def run_cells(cells, launcher, *, refresh, watcher):
        outcomes = []
        for cell in cells:
            config = cell.experiment.config
            asked.append(config)
            if config.seed == 1 or config.optimizer.lr > 1:
                outcomes.append(Outcome(cell, "failed", lab / "x.log", "out of memory"))
                continue
            run = RunDirectory.create(lab / "outputs", "ersm", "digits", {}, [], RunIdentity())
            run.finish("finished", summary={"val/accuracy": SCORES.get(config.optimizer.lr, 0.5)})
            outcomes.append(Outcome(cell, "done", run.path))
        return outcomes

    monkeypatch.setattr(tables, "run_cells", run_cells)
    return asked


def test_the_best_trial_on_validation_is_run_with_every_seed(ran: list[RunConfig]) -> None:
    rows = run(TABLE, ["trainer.max_epochs=1"])
    assert rows["plain"].chosen == ["optimizer.lr=0.2"]  # the first of two equals
    trials, finals = ran[:3], ran[3:]
    assert {(c.seed, c.evaluation.split) for c in trials} == {(9, "val")}
    assert [(c.seed, c.evaluation.split, c.optimizer.lr) for c in finals] == [
        (0, "test", 0.2),
        (1, "test", 0.2),
    ]
    assert {c.trainer.max_epochs for c in ran} == {1}  # the command line's word comes last


def test_a_failed_seed_is_named_with_its_log(ran: list[RunConfig]) -> None:
    row = run(TABLE)["plain"]
    assert list(row.runs) == [0]
    assert "out of memory" in row.failed[1]
    assert "x.log" in row.failed[1]


def test_a_metric_that_trials_do_not_report_is_one_line(ran: list[RunConfig]) -> None:
    with pytest.raises(UserError, match="reports no 'val/auroc', but val/accuracy"):
        run(replace(TABLE, tuning=TuningConfig(seed=9, metric="val/auroc")))


def test_a_row_whose_trials_all_failed_leaves_the_others(ran: list[RunConfig]) -> None:
    wild = replace(TUNED, tune={"optimizer.lr": [2.0, 3.0, 4.0]})
    rows = run(replace(TABLE, rows={"wild": wild, "plain": TUNED}))
    assert list(rows["plain"].runs) == [0]
    assert rows["wild"].runs == {}
    assert set(rows["wild"].failed) == {0, 1}
    assert "every trial failed, the first with: out of memory" in rows["wild"].failed[0]


def test_what_cannot_start_is_named_and_leaves_the_others(ran: list[RunConfig], lab: Path) -> None:
    missing = replace(TUNED, overrides=["data=cifar10", "model=ersm/baseline"])
    overrides = ["model.backbone.from_experiment=null"]
    rows = run(replace(TABLE, overrides=overrides, rows={"none": missing, "plain": TUNED}))
    assert list(rows["plain"].runs) == [0]
    assert "cifar10" in rows["none"].failed[0]


def test_a_backbone_that_fails_is_run_once(lab: Path) -> None:
    launcher = Failing()
    rows = run(replace(TABLE, overrides=[]), launcher=launcher)
    # three trials want it, and no seed is run after them
    assert launcher.started == ["ersm/digits_backbone backbone seed 0"]
    assert "its backbone's run failed" in rows["plain"].failed[0]


def test_an_interrupted_table_goes_on_where_it_was(lab: Path) -> None:
    """Breaks when finished trials are run again, or when a seed is run with what another trial was given."""
    first = Recording(lab, stop_after=4)
    with pytest.raises(KeyboardInterrupt):
        run(TABLE, launcher=first)
    second = Recording(lab)
    rows = run(TABLE, launcher=second)
    assert (len(first.started), len(second.started)) == (4, 1)
    assert [RunDirectory.open(path).record.seed for path in rows["plain"].runs.values()] == [0, 1]


def test_dry_run_lists_and_runs_nothing(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables.show_table(TablePlan(TABLE))
    said = capsys.readouterr().out
    assert said.count("missing ") == 3
    assert "and 2 runs with what the trials choose" in said
    assert not (lab / "outputs").exists()
    run(TABLE, launcher=Recording(lab))
    tables.show_table(TablePlan(TABLE))
    said = capsys.readouterr().out
    assert said.count("finished ") == 5 and "the trials choose" not in said  # noqa: PT018
    tables.show_table(TablePlan(TABLE), refresh=True)
    assert "and 2 runs" in capsys.readouterr().out


def test_what_is_expected_is_what_is_settled(lab: Path) -> None:
    """Breaks when the count of a status ends below or above its total."""

    class Counting(Watcher):
        expected = settled_ = 0

        def expect(self, more: int) -> None:
            self.expected += more

        def settled(self, outcome: Outcome) -> None:
            self.settled_ += 1

    whole, again, broken = Counting(), Counting(), Counting()
    run(TABLE, launcher=Recording(lab), watcher=whole)
    assert (whole.expected, whole.settled_) == (5, 5)
    run(TABLE, launcher=Recording(lab), watcher=again)
    assert (again.expected, again.settled_) == (5, 5)
    run(replace(TABLE, overrides=[]), launcher=Failing(), watcher=broken)
    assert (broken.expected, broken.settled_) == (4, 4)  # a backbone and the trials that it takes with it


def test_rows_that_are_parts_of_one_run_ask_for_it_once(lab: Path) -> None:
    row = replace(TUNED, tune={})
    launcher = Recording(lab)
    rows = run(replace(TABLE, rows={"a": row, "b": row}), launcher=launcher)
    assert len(launcher.started) == 2  # its seeds
    assert rows["a"].runs == rows["b"].runs


def test_several_values_are_no_override_of_a_table(lab: Path) -> None:
    with pytest.raises(UserError, match="'seed=0,1' has several values"):
        TablePlan(TABLE, ["seed=0,1"])


def test_a_row_that_is_not_built_is_not_run(ran: list[RunConfig]) -> None:
    theirs = RowConfig("theirs", built=False, reported={"accuracy": ReportedConfig(78.8)})
    assert list(run(replace(TABLE, rows={"plain": TUNED, "theirs": theirs}))) == ["plain"]


def test_rows_may_have_an_experiment_of_their_own(ran: list[RunConfig]) -> None:
    other = RowConfig("other", experiment="ersm/digits_backbone")
    run(replace(TABLE, overrides=[], rows={"other": other}), ["trainer.max_epochs=3"])
    assert [config.model.backbone.from_experiment for config in ran] == [None, None]
