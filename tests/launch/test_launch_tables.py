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
            if config["seed"] == 1:
                outcomes.append(Outcome(cell, "failed", lab / "x.log", "out of memory"))
                continue
            run = RunDirectory.create(lab / "outputs", "ersm", "digits", {}, [], {})
            run.finish("finished", summary={"val/accuracy": SCORES[config["optimizer"]["lr"]]})
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
