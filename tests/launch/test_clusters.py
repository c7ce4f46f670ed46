"""SLURM by submitit and Ray, each in its local mode; the optional packages may be absent."""

from __future__ import annotations

import builtins
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ersm_lab.config.composer import compose_experiment
from ersm_lab.config.launch import LauncherConfig, LaunchRequest, launch_request
from ersm_lab.core.errors import UserError
from ersm_lab.launch.launchers import make_launcher
from ersm_lab.launch.slurm import submit_parameters
from ersm_lab.plan.cells import Cell
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.index import find_runs
from ersm_lab.runs.record import RunIdentity
from tests.launch.commands import SMALL, finish, lab_command

LAUNCHERS = {
    "submitit": ["launcher=slurm", "launcher.cluster=local", "launcher.cpus=1"],
    "ray": ["launcher=ray", "launcher.cpus=1"],
}


def victim_of(sweep: subprocess.Popen[str], package: str) -> RunDirectory:
    """The long run once it trains. Skips where Ray, which wants ports, shared memory and more, cannot start here."""
    deadline = time.monotonic() + 400
    while sweep.poll() is None and time.monotonic() < deadline:
        for run in find_runs(Path("outputs")):
            if run.config["trainer"]["max_epochs"] == 5000 and run.metrics_path.is_file():
                return run
        time.sleep(0.2)
    sweep.terminate()
    out, err = sweep.communicate(timeout=100)
    if package == "ray" and (not find_runs(Path("outputs")) or "Ray does not start here" in err):
        pytest.skip(f"no job of Ray started here within 400 s: {err[-300:]}")
    raise AssertionError(out + err)


@pytest.mark.slow
@pytest.mark.parametrize("package", LAUNCHERS)
def test_a_sweep_runs_there_and_survives_a_killed_job(package: str, lab: Path) -> None:
    """Breaks when a job does not find the package or its log, or one that dies takes others or the sweep with it.

    160 s each on half a busy core, most of it imports and Ray's start.
    """
    pytest.importorskip(package, reason=f"{package} is an optional extra")
    words = ["train", "-m", *SMALL, *LAUNCHERS[package], "jobs=2"]
    sweep = lab_command(*words, "trainer.max_epochs=2,5000")
    os.kill(victim_of(sweep, package).record.pid, signal.SIGKILL)
    out, err = finish(sweep, 1)
    assert "1 done, 1 failed, 0 skipped" in out
    (log,) = [line.partition("log: ")[2] for line in err.splitlines() if "log: " in line]
    assert Path(log).is_file()

    again = lab_command(*words, "trainer.max_epochs=2,5000")
    while not (
        left := [
            run
            for run in find_runs(Path("outputs"))
            if run.status == "running" and run.metrics_path.is_file()
        ]
    ):
        assert again.poll() is None
        time.sleep(0.2)
    again.terminate()
    out, _ = finish(again, 143)  # Ray and submitit have handlers of their own
    assert out.count("started ") == 1  # what is finished is not run again
    assert left[0].status in ("interrupted", "killed")  # submitit's local jobs get a second to close


@pytest.mark.parametrize("package", LAUNCHERS)
def test_a_missing_extra_is_one_line_with_the_command(
    package: str, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == package:
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    request, _ = launch_request(LAUNCHERS[package])
    with pytest.raises(UserError, match="pip install 'ersm-lab"):
        make_launcher(request)


def test_slurm_without_a_cluster_says_so(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit", reason="submitit is an optional extra")
    monkeypatch.setenv("PATH", str(lab))

    launcher = make_launcher(LaunchRequest(LauncherConfig(kind="slurm"), 1))
    cell = Cell(compose_experiment(SMALL), RunIdentity("0"))
    with pytest.raises(UserError, match=r"launcher\.cluster=local"):
        launcher.start(cell, lab / "x.log")


def test_sbatch_gets_what_the_preset_says(lab: Path) -> None:
    """Breaks when a setting does not reach submitit under the name that it knows, or CPU runs ask for GPUs."""
    words = ["launcher=slurm", "launcher.partition=gpu", "launcher.minutes=30", "launcher.memory_gb=8"]
    words += ["launcher.setup=[module load cuda]", "launcher.parameters.exclude=node7"]
    settings = launch_request(words)[0].launcher
    cells = {
        name: Cell(compose_experiment([*SMALL, f"trainer.accelerator={name}"]), RunIdentity("0"))
        for name in ("cpu", "auto")
    }
    found = submit_parameters(settings, cells["auto"])
    assert found == {
        "name": "ersm-digits",
        "timeout_min": 30,
        "cpus_per_task": 4,
        "gpus_per_node": 1,
        "mem_gb": 8.0,
        "slurm_partition": "gpu",
        "slurm_setup": ["module load cuda"],
        "slurm_additional_parameters": {"exclude": "node7"},
    }
    assert submit_parameters(settings, cells["cpu"])["gpus_per_node"] == 0
    submitit = pytest.importorskip("submitit", reason="submitit is an optional extra")
    executor = submitit.SlurmExecutor.__new__(submitit.SlurmExecutor)
    known = set(executor._valid_parameters())
    shared = {"timeout_min", "cpus_per_task", "gpus_per_node", "mem_gb", "name"}
    assert {name.removeprefix("slurm_") for name in set(found) - shared} <= known
