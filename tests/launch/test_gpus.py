"""Devices and cores dealt out to the jobs of this machine."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ersm_lab.launch.gpus as gpus
import ersm_lab.launch.local as local
from ersm_lab.launch.gpus import Dealer, parse_listing, visible_gpus
from ersm_lab.launch.jobs import Answer
from tests.launch.cells import named_cell
from tests.launch.commands import ROOT

LISTING = """\
GPU 0: NVIDIA H200 (UUID: GPU-aa)
GPU 1: NVIDIA H200 (UUID: GPU-bb)
  MIG 3g.71gb     Device  0: (UUID: MIG-b0)
  MIG 3g.71gb     Device  1: (UUID: MIG-b1)
"""


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
        launcher.start(named_cell("a", tmp_path, accelerator), tmp_path / "log")
    assert started == [None, ["GPU-aa"], ["GPU-bb"]]

    seen = []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "all of them")
    monkeypatch.setattr(local.ctypes, "CDLL", lambda _: type("C", (), {"prctl": lambda *_: 0})())
    monkeypatch.setattr(
        local, "work", lambda *_: seen.append(os.environ["CUDA_VISIBLE_DEVICES"]) or Answer("done", "x")
    )
    sender = type("Sender", (), {"send": lambda *_: None, "close": lambda *_: None})()
    local._job(named_cell("a"), tmp_path / "log", tmp_path, sender, None, ["GPU-bb"])
    assert seen == ["GPU-bb"]


def test_a_job_that_cannot_start_gives_its_gpu_back(tmp_path: Path) -> None:
    class Process:
        def __init__(self, **_: object) -> None: ...

        def start(self) -> None:
            raise OSError("no more processes")

    launcher = local.LocalLauncher(2, ["0", "1"])
    launcher._context = type(
        "Context", (), {"Pipe": staticmethod(multiprocessing.Pipe), "Process": Process}
    )()
    with pytest.raises(OSError, match="no more"):
        launcher.start(named_cell("a", tmp_path, "gpu"), tmp_path / "log")
    assert launcher._dealer.take(2) == ["0", "1"]


def test_threads_are_a_share_of_the_cores_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4, 5}, raising=False)
    assert [local._threads(slots) for slots in (1, 2, 4, 9)] == [None, 3, 1, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert local._threads(2) is None
