"""The runs of a table: trials on validation choose, failures are named, nothing is run twice."""

from __future__ import annotations

from pathlib import Path

import pytest

import ersm_lab.launch.tables as tables
from ersm_lab.errors import UserError
from ersm_lab.launch.pool import Outcome
from ersm_lab.runs.directory import RunDirectory
from tests.conftest import TINY

TABLE = {
    "experiment": "ersm/digits",
    "overrides": ["model.backbone.from_experiment=null", *TINY],
    "seeds": [0, 1],
    "tuning": {
        "seed": 9, "metric": "val/accuracy", "mode": "max",
        "overrides": ["evaluation.split=val", "evaluation.panels=0"],
    },
    "rows": {"plain": {"overrides": ["model=ersm/baseline"], "tune": {"optimizer.lr": [0.1, 0.2, 0.3]}}},
}  # fmt: skip
SCORES = {0.1: 0.4, 0.2: 0.7, 0.3: 0.7}


@pytest.fixture
def ran(lab: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Runs that are only recorded: what was asked for, and a summary that depends on the learning rate."""
    asked: list[dict] = []

    def run_cells(cells, jobs, refresh, report):
        outcomes = []
        for cell in cells:
            config = cell.experiment.config
            asked.append(config)
            if config["seed"] == 1 or config["optimizer"]["lr"] > 1:
                outcomes.append(Outcome(cell, "failed", lab / "x.log", "out of memory"))
                continue
            run = RunDirectory.create(lab / "outputs", "ersm", "digits", {}, [], {})
            run.finish("finished", summary={"val/accuracy": SCORES.get(config["optimizer"]["lr"], 0.5)})
            outcomes.append(Outcome(cell, "done", run.path))
        return outcomes

    monkeypatch.setattr(tables, "run_cells", run_cells)
    return asked


def test_the_best_trial_on_validation_is_run_with_every_seed(ran: list[dict]) -> None:
    rows = tables.run_table(TABLE, ["trainer.max_epochs=1"])
    assert rows["plain"].chosen == ["optimizer.lr=0.2"]  # the first of two equals
    trials, finals = ran[:3], ran[3:]
    assert {(c["seed"], c["evaluation"]["split"]) for c in trials} == {(9, "val")}
    assert [(c["seed"], c["evaluation"]["split"], c["optimizer"]["lr"]) for c in finals] == [
        (0, "test", 0.2),
        (1, "test", 0.2),
    ]
    assert {c["trainer"]["max_epochs"] for c in ran} == {1}  # the command line's word comes last


def test_a_failed_seed_is_named_with_its_log(ran: list[dict]) -> None:
    row = tables.run_table(TABLE, [])["plain"]
    assert list(row.runs) == [0]
    assert "out of memory" in row.failed[1]
    assert "x.log" in row.failed[1]


def test_a_metric_that_trials_do_not_report_is_one_line(ran: list[dict]) -> None:
    with pytest.raises(UserError, match="reports no 'val/auroc', but val/accuracy"):
        tables.run_table({**TABLE, "tuning": {**TABLE["tuning"], "metric": "val/auroc"}}, [])


def test_a_row_whose_trials_all_failed_leaves_the_others(ran: list[dict]) -> None:
    wild = {"overrides": ["model=ersm/baseline"], "tune": {"optimizer.lr": [2.0, 3.0, 4.0]}}
    rows = tables.run_table({**TABLE, "rows": {"wild": wild, **TABLE["rows"]}}, [])
    assert list(rows["plain"].runs) == [0]
    assert rows["wild"].runs == {}
    assert set(rows["wild"].failed) == {0, 1}
    assert "every trial failed, the first with: out of memory" in rows["wild"].failed[0]


def test_what_cannot_start_is_named_and_leaves_the_others(ran: list[dict], lab: Path) -> None:
    missing = {"overrides": ["data=cifar10", "model=ersm/baseline"], "tune": TABLE["rows"]["plain"]["tune"]}
    rows = tables.run_table(
        {
            **TABLE,
            "overrides": ["model.backbone.from_experiment=null"],
            "rows": {"none": missing, **TABLE["rows"]},
        },
        [],
    )
    assert list(rows["plain"].runs) == [0]
    assert "cifar10" in rows["none"].failed[0]


def test_a_backbone_that_fails_is_run_once(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def run_one(cell):
        tried.append(cell.label)
        raise SystemExit("error: the backbone failed: out of memory (log: b.log)")

    monkeypatch.setattr(tables, "run_one", run_one)
    rows = tables.run_table({**TABLE, "overrides": []}, [])
    assert len(tried) == 1  # three trials want it, and no seed is run after them
    assert "out of memory" in rows["plain"].failed[0]


def test_a_row_that_is_not_built_is_not_run(ran: list[dict]) -> None:
    theirs = {"overrides": [], "tune": {}, "built": False, "reported": {"accuracy": {"value": 78.8}}}
    assert list(tables.run_table({**TABLE, "rows": {**TABLE["rows"], "theirs": theirs}}, [])) == ["plain"]


def test_rows_may_have_an_experiment_of_their_own(ran: list[dict]) -> None:
    other = {**TABLE["rows"]["plain"], "experiment": "ersm/digits_backbone", "overrides": [], "tune": {}}
    tables.run_table({**TABLE, "overrides": [], "rows": {"other": other}}, ["trainer.max_epochs=3"])
    assert [config["model"]["backbone"].get("from_experiment") for config in ran] == [None, None]
