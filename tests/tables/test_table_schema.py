"""Tables are checked before anything runs."""

from __future__ import annotations

import pytest

from ersm_lab.config.composer import Composer, compose_experiment
from ersm_lab.config.store import options
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import merged
from ersm_lab.tables.schema import combinations, load_table


@pytest.mark.parametrize("name", options("table"))
def test_every_run_of_every_table_composes(name: str) -> None:
    table, compose = load_table(name), Composer()
    for row, config in table.built.items():
        for trial in combinations(config.tune):
            assert compose([*table.words(row), *trial]).paper == table.paper
    compose([f"experiment={table.experiment}", *table.tuning.overrides])


@pytest.mark.parametrize("name", options("table"))
def test_trials_never_read_the_test_split(name: str) -> None:
    tuning = load_table(name).tuning
    config = compose_experiment(tuning.overrides).config
    assert config.evaluation.split == "val"
    assert tuning.metric.startswith("val/")


@pytest.mark.parametrize("name", [name for name in options("table") if load_table(name).profile == "demo"])
def test_tables_of_the_demo_profile_need_no_data_from_elsewhere(name: str) -> None:
    table = load_table(name)
    for experiment in {row.experiment or table.experiment for row in table.rows.values()}:
        data = compose_experiment([f"experiment={experiment}"]).config.data.name
        assert not data.startswith(tuple(merged("sources")))


def test_figures_stand_only_where_a_paper_reports_some() -> None:
    """Breaks when a figure is filled in for a paper whose published numbers are not known."""
    tables = [load_table(name) for name in options("table")]
    reporting = {table.paper for table in tables if any(row.reported for row in table.rows.values())}
    assert "fornet" in reporting
    assert not reporting & {"ersm", "slem"}
    row = load_table("fornet_cityscapes").rows["fornet"].reported
    assert (row["miou"].value, row["miou"].dagger) == (80.49, None)
    assert "50.17 M" in str(row["parameters"].dagger)


def test_trials_are_every_combination() -> None:
    assert combinations({"a": [1, 2], "b": ["x"]}) == [["a=1", "b=x"], ["a=2", "b=x"]]
    assert combinations({}) == [[]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("colums.x.label=1", "unknown key 'colums'"),
        ("rows.baseline.tune={seed: [1, 2]}", "every arm gets the same"),
        ("tuning.mode=best", "one of max, min"),
        ("seeds=[]", "needs rows, columns and seeds"),
        ("compare=[{row: recomended, against: baseline, column: accuracy}]", "did you mean 'recommended'"),
        ("compare=[{row: recommended, against: baseline, column: effective_share}]", "none with per_image"),
        ("rows.baseline.reported={acuracy: {value: 1}}", "did you mean 'accuracy'"),
        ("rows.baseline.reported={accuracy: {daggr: x}}", "daggr"),
        ("rows.baseline.reported={accuracy: {value: many}}", "many"),
        ("rows.new={label: new, built: false}", "neither built nor reported"),
        ("columns.accuracy.metric=test/{source}", "lacks a word of columns.accuracy.metric"),
        ("profile=quick", "one of demo, full"),
    ],
)
def test_mistakes_are_one_line(change: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_table("ersm_digits", [change])
    assert "\n" not in str(caught.value)
    assert "conf/table/ersm_digits.yaml" in str(caught.value)
