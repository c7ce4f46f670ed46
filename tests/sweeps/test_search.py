"""A search by Optuna: its space, and a study that goes on where it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain
from ersm_lab.launch.jobs import Answer, Watcher
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.index import find_runs
from ersm_lab.runs.record import RunIdentity
from ersm_lab.sweeps.request import sweep_request
from ersm_lab.sweeps.search import Search, alone, run_search
from ersm_lab.sweeps.space import Dimension, split_space
from ersm_lab.sweeps.text import best_lines, space_lines
from tests.launch.commands import SMALL

WORDS = [
    "-m",
    "sweep=ersm/search",
    *SMALL,
    "optimizer.lr=tag(log,interval(1e-3,1e-1))",
    "sweep.search.trials=6",
]


def test_the_space_in_hydras_grammar() -> None:
    words = ["seed=1", "a=interval(0.1,2)", "b=tag(log,interval(1e-4,1))", "c=range(1,6,2)", "d=x,y"]
    fixed, space = split_space([*words, "e=tag(int,interval(2,9))"])
    assert fixed == ["seed=1"]
    assert space == [
        Dimension("a", low=0.1, high=2),
        Dimension("b", low=1e-4, high=1, log=True),
        Dimension("c", low=1, high=5, step=2, whole=True),
        Dimension("d", choices=("x", "y")),
        Dimension("e", low=2, high=9, whole=True),
    ]
    assert space[4].ends() == ("2", "9")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("a=interval(2,1)", "empty"),
        ("a=tag(log,interval(0,1))", "above 0"),
        ("a=tag(lug,interval(1,2))", "known are log and int"),
    ],
)
def test_a_space_that_cannot_be_is_one_line(word: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        split_space([word])


def test_both_ends_are_checked_before_anything_runs(lab: Path) -> None:
    with pytest.raises(UserError, match="must be above 0"):
        Search(sweep_request([*WORDS[:-2], "optimizer.lr=interval(0,1)"]))
    with pytest.raises(UserError, match="needs a dimension"):
        Search(
            sweep_request(
                [*WORDS[:-2], "optimizer.lr=1", "optimizer.weight_decay=0", "model.mask.gamma_pairwise=1"]
            )
        )


class Runs:
    """Cells that are only recorded: the metric is best at a learning rate of 0.02."""

    def __init__(self, fail: int = -1) -> None:
        self.asked: list[float] = []
        self.slots, self._fail, self._path = 1, fail, Path()

    def start(self, cell, log):
        rate = cell.experiment.config.optimizer.lr
        self.asked.append(rate)
        if len(self.asked) - 1 == self._fail:
            return Answer("failed", "out of memory")
        run = RunDirectory.create(
            Path("outputs"),
            "ersm",
            "digits",
            plain(cell.experiment.config),
            [],
            RunIdentity(cell.config_hash),
        )
        run.finish("finished", summary={"val/accuracy": 1 - abs(rate - 0.02)})
        return Answer("done", str(run.path))

    def wait(self, jobs, seconds):
        return list(jobs)

    def result(self, job):
        return job

    def cancel(self, jobs):
        pass


def go(words: list[str], launcher: Runs) -> Search:
    search = Search(sweep_request(words))
    run_search(search, launcher, Watcher())
    return search


def test_a_study_goes_on_where_it_was(lab: Path) -> None:
    """Breaks when trials are lost or repeated after an end in the middle, or a failed one is not tried again."""
    pytest.importorskip("optuna", reason="optuna is an optional extra")
    first = Runs(fail=1)
    search = go([*WORDS, "sweep.search.trials=4"], first)
    assert len(first.asked) == 4
    assert space_lines(search)[-1].startswith("3 finished, 1 missing")
    again = Runs()
    go([*WORDS, "sweep.search.trials=4"], again)
    assert again.asked == [first.asked[1]]  # what failed, and nothing else
    more = Runs()
    search = go(WORDS, more)
    assert len(more.asked) == 2
    assert not set(more.asked) & set(first.asked)  # the sampler does not begin again
    best = search.study.best()
    assert best is not None
    rates = [*first.asked, *more.asked]
    assert best.value == pytest.approx(max(1 - abs(rate - 0.02) for rate in rates))
    assert len(search.study.finished()) == 6
    assert Path(best.run).is_dir()
    command = best_lines(search)[1]
    assert f"optimizer.lr={min(rates, key=lambda rate: abs(rate - 0.02))}" in command
    assert "evaluation.split" not in command  # what was chosen on validation is then run on the test split
    assert go(WORDS, Runs()).outcomes == []


def test_a_lost_study_finds_its_finished_runs(lab: Path) -> None:
    """The same sampler proposes the same trials: their runs are there, and are told without running."""
    pytest.importorskip("optuna", reason="optuna is an optional extra")
    search = go([*WORDS, "sweep.search.sampler=random"], Runs())
    shutil.rmtree(search.folder)
    launcher = Runs()
    search = go([*WORDS, "sweep.search.sampler=random"], launcher)
    assert launcher.asked == []
    assert {outcome.state for outcome in search.outcomes} == {"skipped"}


def test_an_interrupted_trial_comes_first(lab: Path) -> None:
    pytest.importorskip("optuna", reason="optuna is an optional extra")

    class Dying(Runs):
        def result(self, job):
            if len(self.asked) == 2:
                raise KeyboardInterrupt
            return super().result(job)

    dying = Dying()
    with pytest.raises(KeyboardInterrupt):
        go(WORDS, dying)
    (lost,) = [run for run in find_runs(Path("outputs")) if run.config["optimizer"]["lr"] == dying.asked[1]]
    shutil.rmtree(lost.path)  # its run was not finished
    launcher = Runs()
    go(WORDS, launcher)
    assert launcher.asked[0] == dying.asked[1]
    assert len(launcher.asked) == 5


def test_a_metric_that_runs_do_not_report_is_one_line(lab: Path) -> None:
    pytest.importorskip("optuna", reason="optuna is an optional extra")
    with pytest.raises(UserError, match="reports no 'val/auroc', but val/accuracy"):
        go([*WORDS, "sweep.search.metric=val/auroc"], Runs())


def test_two_processes_do_not_share_a_study(lab: Path) -> None:
    with alone(lab / "x"), pytest.raises(UserError, match="another process"), alone(lab / "x"):
        pass
