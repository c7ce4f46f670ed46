"""Two processes that want the same cell or the same run: one works, the other gets its answer or a clear word."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ersm_lab.files import locks
from ersm_lab.launch import pool
from ersm_lab.launch.jobs import Answer, Watcher
from ersm_lab.launch.pool import drive
from ersm_lab.launch.run import run_cells
from ersm_lab.launch.turns import _lock, answer, in_turn, is_held
from ersm_lab.plan.cells import Cell
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.index import find_runs
from tests.launch.cells import named_cell
from tests.launch.commands import LONG, ROOT, SMALL, finish, lab_command


def run(one: Cell, status: str = "finished") -> Path:
    made = RunDirectory.create(Path("outputs"), "ersm", one.experiment.name, {}, [], one.identity)
    made.finish(status)
    return made.path


class Here:
    """Jobs in this process, under their locks as ``work`` takes them."""

    slots = 2

    def __init__(self) -> None:
        self.ran: list[str] = []

    def start(self, one: Cell, log: Path) -> Answer:
        def train() -> Path:
            self.ran.append(one.experiment.name)
            return run(one)

        return in_turn(one, train)

    def wait(self, jobs, seconds):
        return list(jobs)[:1]

    def result(self, job):
        return job

    def cancel(self, jobs):
        pass


class Words(Watcher):
    def __init__(self) -> None:
        self.names: list[str] = []

    def held(self, cell: Cell) -> None:
        self.names.append(cell.experiment.name)


def test_a_cell_that_another_process_runs_comes_last_and_is_not_run_again(lab: Path) -> None:
    """Breaks when the sweep stops at it in place of going on with others, runs it too, or does not say that it waits."""
    launcher, words = Here(), Words()
    begun, over = threading.Event(), threading.Event()

    def elsewhere() -> Path:
        begun.set()
        assert over.wait(60)
        return run(named_cell("a"))

    other = threading.Thread(target=in_turn, args=(named_cell("a"), elsewhere))
    other.start()
    assert begun.wait(60)
    found = {}
    for outcome in drive([named_cell(name) for name in "abc"], launcher, words):
        found[outcome.cell.experiment.name] = outcome
        if len(found) == 2:
            assert is_held(named_cell("a"))
            over.set()
    other.join()
    assert {name: outcome.state for name, outcome in found.items()} == {
        "a": "skipped",
        "b": "done",
        "c": "done",
    }
    assert launcher.ran == ["b", "c"]
    assert words.names == ["a"]
    assert found["a"].message == "another process ran it meanwhile"
    assert found["a"].path == find_runs(Path("outputs"), "ersm", "a")[0].path


def test_a_cell_whose_process_ended_without_a_result_is_run(lab: Path) -> None:
    code = (
        "import os, signal, sys; from ersm_lab.launch.turns import in_turn; from tests.launch.cells import named_cell;"
        "in_turn(named_cell('a'), lambda: (print('at work', flush=True), signal.pause()))"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "at work\n"
    assert is_held(named_cell("a"))
    other.kill()
    other.wait()
    launcher = Here()
    (outcome,) = drive([named_cell("a")], launcher, Words())
    assert (outcome.state, launcher.ran) == ("done", ["a"])


def test_a_job_that_finds_its_cell_taken_waits_its_turn(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when the answer ``held`` is taken for a failure, or asked again without a pause."""
    monkeypatch.setattr(pool, "_AGAIN", 1.0)
    launcher = Here()
    began = time.monotonic()
    answers = iter([Answer("held")])
    real = launcher.start
    launcher.start = lambda one, log: next(answers, None) or real(one, log)
    (outcome,) = drive([named_cell("a")], launcher, Words())
    assert (outcome.state, launcher.ran) == ("done", ["a"])
    assert time.monotonic() - began >= 1


def test_what_counts_as_an_answer(lab: Path) -> None:
    """Breaks when a failed or deleted run, or with --refresh one from before the launch, stands for a new one."""
    launcher = Here()
    assert answer(named_cell("a")) is None
    (first,) = run_cells([named_cell("a")], launcher=launcher, watcher=Words())
    assert answer(named_cell("a")) == first.path
    assert answer(replace(named_cell("a"), asked=time.time() + 1)) is None
    (again,) = run_cells([named_cell("a")], refresh=True, launcher=launcher, watcher=Words())
    assert again.state == "done"
    assert again.path != first.path
    RunDirectory.open(again.path).update(status="failed")
    assert answer(named_cell("a")) is None
    (again.path / "run.json").unlink()
    assert answer(named_cell("a")) is None


def test_a_folder_without_locks_is_used_without_them(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(locks.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    (outcome,) = run_cells([named_cell("a")], launcher=Here(), watcher=Words())
    assert outcome.state == "done"


def test_the_lock_of_a_cell_lies_with_its_outputs(lab: Path) -> None:
    assert _lock(named_cell("a")) == Path("outputs/.launch/locks/" + 16 * "a")


@pytest.mark.slow
def test_two_equal_sweeps_at_once_run_every_cell_once(lab: Path) -> None:
    words = ["train", "-m", *SMALL, "seed=0,1,2", "trainer.max_epochs=3"]
    both = [lab_command(*words) for _ in range(2)]
    outs = [finish(sweep, 0)[0] for sweep in both]
    assert sorted(found.record.seed for found in find_runs(Path("outputs"))) == [0, 1, 2]
    assert sum(out.count("] done in") for out in outs) == 3
    assert sum(int(re.findall(r"(\d+) skipped", out)[-1]) for out in outs) == 3  # by the last count of each


@pytest.mark.slow
def test_a_run_is_resumed_by_one_process(lab: Path) -> None:
    """Breaks when two that resume the same run write the same files."""
    first = lab_command("train", *SMALL, LONG)
    victim = None
    while victim is None or not (victim.checkpoints / "last.ckpt").is_file():
        assert first.poll() is None
        time.sleep(0.2)
        victim = next(iter(find_runs(Path("outputs"))), None)
    first.send_signal(signal.SIGTERM)
    finish(first, 143)
    both = [lab_command("train", f"resume={victim.path}") for _ in range(2)]
    while all(process.poll() is None for process in both):
        time.sleep(0.2)
    both.sort(key=lambda process: process.poll() is None)
    _, err = finish(both[0], 1)
    assert "is being run by another process" in err or "is running" in err
    assert both[1].poll() is None
    both[1].send_signal(signal.SIGTERM)
    finish(both[1], 143)
