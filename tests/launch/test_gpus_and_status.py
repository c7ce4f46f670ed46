"""Devices dealt out to jobs, and what a sweep says while it runs."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ersm_lab.launch.gpus as gpus
import ersm_lab.launch.local as local
import ersm_lab.launch.status as status_module
from ersm_lab.config.compose import Experiment
from ersm_lab.launch.gpus import Dealer, parse_listing, visible_gpus
from ersm_lab.launch.pool import Outcome, drive
from ersm_lab.launch.status import Status, duration
from ersm_lab.launch.work import ended, first_line
from ersm_lab.plan.cells import Cell
from tests.launch.test_sweeps import ROOT

LISTING = """\
GPU 0: NVIDIA H200 (UUID: GPU-aa)
GPU 1: NVIDIA H200 (UUID: GPU-bb)
  MIG 3g.71gb     Device  0: (UUID: MIG-b0)
  MIG 3g.71gb     Device  1: (UUID: MIG-b1)
"""


def cell(name: str, outputs: Path = Path("outputs")) -> Cell:
    config = {"model": {"variant": None}, "seed": 0, "paths": {"outputs": str(outputs)}}
    return Cell(Experiment("ersm", name, config, (f"a={name}",)), {"config_hash": name})


def test_a_gpu_in_instances_gives_those_in_place_of_itself() -> None:
    assert parse_listing(LISTING) == ["GPU-aa", "MIG-b0", "MIG-b1"]
    assert parse_listing("No devices found.") == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2,3", ["2", "3"]),
        (" 2, 3 ", ["2", "3"]),
        ("", []),
        ("-1", []),
        ("0,-1,1", ["0"]),
        ("0,,1", ["0"]),
        ("NoDevFiles", []),
        ("1,1,0", ["1", "0"]),
        ("GPU-x,MIG-y", ["GPU-x", "MIG-y"]),
        ("MIG-GPU-x/1/0", ["MIG-GPU-x/1/0"]),
    ],
)
def test_the_variable_wins(said: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", said)
    monkeypatch.setattr(gpus.subprocess, "run", lambda *_, **__: pytest.fail("nvidia-smi was asked"))
    assert visible_gpus() == expected


@pytest.mark.slow
def test_what_is_imported_ahead_leaves_cuda_alone() -> None:
    """Breaks when an import asks for devices: CUDA cannot be used in what is forked from there, or sees all GPUs."""
    code = (
        "import torch\nasked = []\n"
        "for owner, name in ((torch.cuda, 'is_available'), (torch.cuda, 'device_count'), (torch.cuda, '_lazy_init'),\n"
        "                    (torch._C, '_cuda_getDeviceCount'), (torch._C, '_cuda_init')):\n"
        "    if hasattr(owner, name): setattr(owner, name, lambda *_, name=name: asked.append(name) or 0)\n"
        "import ersm_lab.launch.preload\nassert not asked, asked"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": ROOT})


def test_nvidia_smi_is_asked_and_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    done = subprocess.CompletedProcess([], 0, stdout=LISTING)
    monkeypatch.setattr(gpus.subprocess, "run", lambda *_, **__: done)
    assert visible_gpus() == ["GPU-aa", "MIG-b0", "MIG-b1"]

    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(gpus.subprocess, "run", absent)
    assert visible_gpus() == []


def test_every_job_gets_a_gpu_of_its_own_while_there_are_enough() -> None:
    dealer = Dealer(["0", "1"])
    first, second = dealer.take(1), dealer.take(1)
    assert (first, second) == (["0"], ["1"])
    dealer.give_back(second)
    assert dealer.take(1) == ["1"]  # the free one, not the next in turn
    assert sorted(name for _ in range(2) for name in dealer.take(1) or ()) == ["0", "1"]  # then shared evenly
    assert Dealer(["0", "1"]).take(2) == ["0", "1"]
    assert Dealer([]).take(1) is None
    assert dealer.take(0) is None


def test_a_job_sees_its_gpus_before_the_trainer_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when the variable is set too late, or a run on the CPU takes a device from another."""
    started = []

    class Context:
        def Pipe(self, duplex):  # noqa: N802
            return None, type("Sender", (), {"close": lambda self: None})()

        def Process(self, target, args, daemon):  # noqa: N802
            started.append(args[-1])
            return type("Process", (), {"start": lambda self: None})()

    launcher = local.LocalLauncher(3, ["GPU-aa", "GPU-bb"])
    launcher._context = Context()
    for accelerator in ("cpu", "auto", "gpu"):
        one = cell(accelerator, tmp_path)
        one.experiment.config["trainer"] = {"accelerator": accelerator, "devices": 1}
        launcher.start(one, tmp_path / "log")
    assert started == [None, ["GPU-aa"], ["GPU-bb"]]

    seen = []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "all of them")
    monkeypatch.setattr(local.ctypes, "CDLL", lambda _: type("C", (), {"prctl": lambda *_: 0})())
    monkeypatch.setattr(
        local, "work", lambda *_: seen.append(os.environ["CUDA_VISIBLE_DEVICES"]) or ("done", "x")
    )
    sender = type("Sender", (), {"send": lambda *_: None, "close": lambda *_: None})()
    local._job(cell("a"), tmp_path / "log", tmp_path, sender, None, ["GPU-bb"])
    assert seen == ["GPU-bb"]


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(status_module, "time", clock)
    return clock


def test_counts_and_time_left(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Breaks when running jobs are counted twice, or what failed or was skipped in no time makes it look fast."""
    with Status(6, 2, live=False) as status:
        status.settled(Outcome(cell("a"), "skipped", Path("a")))
        assert status.seconds_left() is None
        for name in "bc":
            status.started(cell(name))
        clock.now = 10
        status.settled(Outcome(cell("b"), "done", Path("b"), seconds=10))
        status.settled(Outcome(cell("c"), "failed", Path("c.log"), "out of memory", 1))
        status.started(cell("d"))
        clock.now = 14
        # d has 6 of 10 seconds to go and two are waiting: 26 seconds of work in two slots
        assert status.seconds_left() == pytest.approx(13)
        assert status.line() == "1 running, 1 done, 1 failed, 1 skipped, 14 s so far, about 13 s left"
        clock.now = 60
        status.tick()
    lines = capsys.readouterr().out.splitlines()
    assert "[3/6] failed in 1 s ersm/c seed 0 a=c: out of memory  c.log" in lines
    assert lines[-1].startswith("1 running, 1 done")
    assert not any("\x1b" in line for line in lines)


def test_the_live_table_shows_what_runs(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Status(2, 1, live=True) as status:
        status.started(cell("a"))
        console = status_module.Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
        console.print(status._draw())
        assert "ersm/a seed 0 a=a" in console.export_text()
    assert "1 running" in capsys.readouterr().out


def test_durations() -> None:
    assert [duration(s) for s in (8.4, 185, 7800)] == ["8 s", "3 min 5 s", "2 h 10 min"]


def test_the_end_of_a_process_in_words() -> None:
    assert "SIGKILL" in ended(-9)
    assert "by hand or because memory ran out" in ended(-9)
    assert ended(-9, starved=True).startswith("out of memory: killed by the kernel")
    assert "memory" not in ended(-15, starved=True)
    assert ended(3) == "exit code 3"
    assert ended(-99) == "killed by signal 99 (signal 99)"


def test_lack_of_memory_is_named() -> None:
    """Breaks when one of the errors that mean it reads as any other failure in the final list."""

    class OutOfMemoryError(RuntimeError): ...

    for error in (
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried 9"
        ),
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
    ):
        assert first_line(error).startswith(f"out of memory: {type(error).__name__}")
        assert "\n" not in first_line(error)
    assert first_line(ValueError("memory_gb")) == "ValueError: memory_gb"


def test_a_job_that_cannot_start_gives_its_gpu_back(tmp_path: Path) -> None:
    class Process:
        def __init__(self, **_: object) -> None: ...

        def start(self) -> None:
            raise OSError("no more processes")

    launcher = local.LocalLauncher(2, ["0", "1"])
    launcher._context = type(
        "Context", (), {"Pipe": staticmethod(multiprocessing.Pipe), "Process": Process}
    )()
    one = cell("a", tmp_path)
    one.experiment.config["trainer"] = {"accelerator": "gpu", "devices": 1}
    with pytest.raises(OSError, match="no more"):
        launcher.start(one, tmp_path / "log")
    assert launcher._dealer.take(2) == ["0", "1"]


def test_threads_are_a_share_of_the_cores_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4, 5}, raising=False)
    assert [local._threads(slots) for slots in (1, 2, 4, 9)] == [None, 3, 1, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert local._threads(2) is None


class Instant:
    """Jobs that end at once; remembers how many were ever under way."""

    def __init__(self, slots: int) -> None:
        self.slots, self.under_way, self.most, self.cancelled = slots, 0, 0, []

    def start(self, cell: Cell, log: Path) -> str:
        if cell.experiment.name == "x":
            raise OSError("no more processes")
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        return cell.experiment.name

    def wait(self, jobs, seconds):
        return list(jobs)[:1]

    def result(self, job):
        self.under_way -= 1
        return "done", job

    def cancel(self, jobs):
        self.cancelled = list(jobs)


def test_the_next_cell_is_chosen_when_a_slot_is_free(tmp_path: Path) -> None:
    """Breaks when the pool reads ahead: an Optuna trial would be chosen before it can know the others' results."""
    launcher = Instant(2)
    seen: list[tuple[str, int]] = []
    ended: list[str] = []

    def source():
        for name in "abcd":
            seen.append((name, len(ended)))
            yield cell(name, tmp_path)

    for outcome in drive(source(), launcher):
        ended.append(outcome.cell.experiment.name)
    assert seen == [("a", 0), ("b", 0), ("c", 1), ("d", 2)]
    assert launcher.most == 2


def test_a_job_that_cannot_start_is_failed_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = {o.cell.experiment.name: o for o in drive([cell(n, tmp_path) for n in "axb"], Instant(1))}
    assert {name: o.state for name, o in found.items()} == {"a": "done", "x": "failed", "b": "done"}
    assert "no more processes" in found["x"].message
    assert found["x"].path.is_file()


def test_leaving_early_ends_what_is_running(tmp_path: Path) -> None:
    launcher = Instant(3)
    stream = drive([cell(name, tmp_path) for name in "abc"], launcher)
    next(stream)
    stream.close()
    assert launcher.cancelled == ["b", "c"]
