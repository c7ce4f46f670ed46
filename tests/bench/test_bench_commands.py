"""Benchmarks of whole commands: both sides do the same work, and what must not run does not. No speed is asserted here."""

from __future__ import annotations

import math
import sys

import pytest

from ersm_lab.bench import head_sweep, recheck, start
from ersm_lab.bench.processes import Cost, spend
from ersm_lab.bench.processes import lab as command
from ersm_lab.bench.table import Row, render
from ersm_lab.config.composer import compose_cells, compose_experiment
from ersm_lab.core import plugins
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain
from ersm_lab.plan.identity import identify

SMALL = ("experiment=ersm/digits", "model=ersm/baseline,ersm/recommended", "seed=0,1")
# the recipe with a tiny backbone
QUICK = (
    "model.backbone.kwargs={layers: [1, 1, 1, 1], channels: [4, 8, 8, 8]}",
    "trainer.max_epochs=2",
    "trainer.threads=1",
    "data.batch_size=16",
    "logger=csv",
)


def test_an_absolute_goal():
    """Breaks when a limit is taken for a ratio, or is not shown."""
    assert Row("a", 14.9, 5.0, "s", limit=15.0).met is True
    assert Row("a", 15.0, 500.0, "s", limit=15.0).met is False
    assert Row("a", 1.0, 5.0, "s", goal=6.0, limit=15.0).met is False
    (shown,) = render([Row("a", 1.0, 5.0, "s", limit=15.0)]).columns[4].cells
    assert shown == "< 15 s"


def test_a_command_is_measured_with_what_it_starts():
    """Breaks when only the first process counts, or a process that has ended hides the others."""
    inner = "import time; held = b'x' * (64 << 20); time.sleep(1)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    cost = spend([sys.executable, "-c", outer])
    assert cost.seconds >= 1
    assert cost.memory > 64 if sys.platform == "linux" else math.isnan(cost.memory)


def test_a_command_that_ends_otherwise_is_no_measurement():
    """Breaks when a crash counts as a quick answer."""
    with pytest.raises(UserError, match=r"exit code 1: .*did you mean 'trainer\.max_epochs'"):
        spend(command("train", "trainer.max_epoch=3"), watch=False)


def test_answers_have_rows_with_a_named_reference(monkeypatch):
    """Breaks when an answer gets another one's time, or the note does not name the reference."""
    seen = []

    def spent(words, code=0, watch=True):
        seen.append((words[1:], code))

    monkeypatch.setattr(start, "spend", spent)
    *rows, with_plugins = start.run(rounds=1)
    assert [row.name.split(",")[0] for row in rows] == [
        " ".join(["ersm-lab", *words]) for words, _, _ in start.ANSWERS
    ]
    assert all("import torch" in row.note and "python -c pass" in row.note for row in rows)
    assert (["-m", "ersm_lab", "train", "trainer.max_epoch=3"], 1) in seen
    assert with_plugins.name == "ersm-lab --help, 20 plug-ins"
    assert "without plug-ins" in with_plugins.note


def test_the_plugins_of_the_bench_are_ones_that_the_lab_takes(tmp_path, monkeypatch, capsys):
    """Breaks when they are left out: the bench would measure a start without them."""
    start.write_plugins(tmp_path)
    monkeypatch.setenv(plugins.FOLDER, str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    plugins.forget()
    try:
        assert len([name for name in plugins.plugins() if name.startswith("paper")]) == start.PLUGINS
        assert ("model", "schema_paper00") in plugins.schemas()
    finally:
        plugins.forget()
    assert not capsys.readouterr().err


def test_the_reference_composes_the_same_cells(lab):
    """Breaks when the sweep's cells and Hydra's own differ, so that the two sides would not do the same work."""
    experiments = compose_cells(SMALL)
    composed = recheck.compose_one_by_one([experiment.overrides for experiment in experiments])
    for experiment, config in zip(experiments, composed, strict=True):
        assert config | {"name": None} == plain(experiment.config) | {"name": None}


def test_finished_cells_are_skipped(lab):
    """Breaks when the records that the bench writes are not those that the sweep looks for: cells would run."""
    time, memory = recheck.run(SMALL)
    assert time.name == "4 finished cells"
    assert (time.unit, time.limit, memory.unit) == ("s", 15.0, "MiB")
    assert min(time.ours, time.reference) > 0


def test_a_cell_that_would_run_is_no_measurement(lab, monkeypatch):
    """Breaks when the bench does not look at what the sweep did."""
    monkeypatch.setattr(recheck, "spend", lambda command: Cost(1.0, 1.0))
    monkeypatch.setattr(recheck, "states", lambda outputs: ["skipped"] * 3 + ["done"])
    with pytest.raises(UserError, match="of 4 finished cells only 3 were skipped"):
        recheck.run(SMALL)


def test_the_sweep_has_48_heads_of_one_recipe(lab):
    """Breaks when a word of the grid no longer multiplies, or the arms differ in more than the cache."""
    arms, what = head_sweep.arms(lab, 40, changes=QUICK, jobs=2)
    sweep, full = (
        compose_cells([word for word in arms[arm] if not word.startswith("jobs=")])
        for arm in ("sweep", "full")
    )
    assert (len(sweep), len(full)) == (48, 2)
    assert "generated" in what
    assert "36 train, 4 val, 16 test" in what
    a, b = sweep[0].config, full[0].config
    assert (a.trainer.feature_cache.enabled, b.trainer.feature_cache.enabled) == (True, False)
    b.trainer.feature_cache.enabled = True
    for group in ("data", "trainer", "optimizer", "evaluation", "callbacks", "logger"):
        assert getattr(a, group) == getattr(b, group), group
    assert a.model.backbone == b.model.backbone


def test_both_arms_learn_the_same(lab):
    """Breaks when the backbone in the loop is given other pictures, views or weights than the cache."""
    from ersm_lab.training.run import train

    arms, _ = head_sweep.arms(lab, 40, ("seed=0",), QUICK)
    summaries = []
    for words in arms.values():
        experiment = compose_experiment([word for word in words if not word.startswith(("jobs=", "seed="))])
        summaries.append(train(experiment, identify(experiment, {})).record.summary)
    assert summaries[0]["test/images"] == 16
    assert summaries[0]["test/cross_entropy"] == pytest.approx(summaries[1]["test/cross_entropy"], rel=1e-4)


@pytest.mark.slow
def test_the_head_sweep_is_measured(lab):
    """Breaks when one of the two commands no longer runs, or the rows lack what they were measured on."""
    time, memory = head_sweep.run(40, ("seed=0,1,2",), QUICK)
    assert time.name == "3 heads"
    assert time.goal == pytest.approx(1 / 3, abs=1e-3)
    for part in ("generated pictures", "36 train", "2 epochs", "cold cache", "goal: less than 3"):
        assert part in time.note
    assert min(time.ours, time.reference) > 0
    assert memory.unit == "MiB"


def test_cifar10_is_used_where_it_is(lab):
    """Breaks when pictures are generated although the data are there, or the number of images is not kept."""
    head_sweep._generate(lab / "data" / "cifar10" / "train", 200)
    head_sweep._generate(lab / "data" / "cifar10" / "test", 20)
    words, what = head_sweep.data_words(lab / "elsewhere", 40)
    assert what == "CIFAR-10: 36 train, 4 val, 20 test"
    assert f"data.root={lab / 'data' / 'cifar10'}" in words
