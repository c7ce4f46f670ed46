"""What waits to be uploaded is found; without a key or a server there is one line, never a prompt or a hang."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

import ersm_lab.tracking.sync as module
from ersm_lab.cli import main


@pytest.fixture(autouse=True)
def nobody(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(lab))
    monkeypatch.setenv("NETRC", str(lab / "netrc"))


def offline(place: Path, number: int) -> Path:
    folder = place / "wandb" / f"offline-run-2026010{number}_120000-abc{number}"
    folder.mkdir(parents=True)
    (folder / f"run-abc{number}.wandb").write_bytes(b"log")
    return folder


@pytest.fixture
def runs(lab: Path) -> list[Path]:
    """Two runs, a later evaluation of one, and one that W&B has marked as uploaded."""
    run = lab / "outputs/ersm/demo/one"
    done = offline(lab / "outputs/ersm/demo/three", 4)
    (done / "run-abc4.wandb.synced").touch()
    # what a run stages for upload is no run
    (run / "wandb/artifacts/staging/offline-run-x").mkdir(parents=True)
    return [
        offline(run, 1),
        offline(run / "evaluations/stress-1", 2),
        offline(lab / "outputs/ersm/demo/two", 3),
    ]


def test_runs_and_evaluations_that_wait_are_listed(
    runs: list[Path], lab: Path, capsys: pytest.CaptureFixture
) -> None:
    assert module.offline_runs([lab / "outputs"]) == runs
    assert main(["wandb", "sync", "--dry-run"]) == 0
    assert [Path(line).name for line in capsys.readouterr().out.splitlines()] == [run.name for run in runs]
    assert main(["wandb", "sync", "--dry-run", str(lab / "outputs/ersm/demo/two")]) == 0
    assert [Path(line).name for line in capsys.readouterr().out.splitlines()] == [runs[2].name]


def test_a_run_at_work_waits_until_it_has_ended(runs: list[Path], lab: Path) -> None:
    """Once uploaded it is marked, so that what it writes afterwards would be lost."""
    folder = runs[0].parent.parent
    record = {"status": "running", "host": socket.gethostname(), "pid": os.getpid(), "heartbeat": time.time()}
    (folder / "run.json").write_text(json.dumps(record))
    assert module.offline_runs([lab / "outputs"]) == runs[1:]
    for ended in ({**record, "status": "finished"}, {**record, "heartbeat": 0}, "damaged"):
        (folder / "run.json").write_text(json.dumps(ended))
        assert module.offline_runs([lab / "outputs"]) == runs


def test_without_a_key_it_is_one_line(runs: list[Path], capsys: pytest.CaptureFixture) -> None:
    assert main(["wandb", "sync"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "no W&B key: 3 offline runs wait" in err


def test_where_nothing_waits_no_key_is_needed(lab: Path, capsys: pytest.CaptureFixture) -> None:
    (lab / "outputs").mkdir()
    assert main(["wandb", "sync"]) == 0
    assert "nothing to upload" in capsys.readouterr().out
    assert main(["wandb", "sync", "nowhere"]) == 1
    assert "nowhere: no such folder" in capsys.readouterr().err


def test_each_run_is_given_to_wandb_and_only_its_mark_counts(
    runs: list[Path], lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **keywords: object) -> subprocess.CompletedProcess:
        asked.append(command)
        assert "WANDB_MODE" not in keywords["env"]
        assert keywords["stdin"] == subprocess.DEVNULL
        if command[-1] == str(runs[1]):
            return subprocess.CompletedProcess(command, 0, "", "server lost\n")  # 0, but nothing arrived
        (Path(command[-1]) / "run.wandb.synced").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(module.subprocess, "run", run)
    monkeypatch.setenv("WANDB_API_KEY", "made-up")
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert module.sync([lab / "outputs"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["uploaded", "failed", "uploaded"]
    assert lines[1].endswith("server lost")
    asked.clear()
    assert module.sync([lab / "outputs"]) == 1
    assert [command[-1] for command in asked] == [str(runs[1])]  # what arrived is not sent again


def test_a_lost_server_ends_within_the_limit(
    runs: list[Path], lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """The real command, a key, and nobody at the address."""
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    assert module.sync([runs[0]], limit=8) == 1
    assert "failed" in capsys.readouterr().out
    assert not [*runs[0].glob("*.synced")]
