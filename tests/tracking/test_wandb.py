"""W&B for real, offline, read back from its transaction log; and online without a key, without a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pandas as pd
import pytest

from ersm_lab.tracking import close_all, publish_all
from tests.tracking.conftest import trackers_of


@pytest.fixture(autouse=True)
def nobody(tmp_path, monkeypatch):
    """A user without a key, whose home must stay empty."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("NETRC", str(home / "netrc"))
    monkeypatch.chdir(home)
    yield
    assert [path for path in home.rglob("*") if path.is_file() and "matplotlib" not in str(path)] == []


def record(trackers, run, summary=None, status="finished"):
    for step in range(4):
        for tracker in trackers:
            tracker.lightning_logger.log_metrics({"train/loss": 1 / (step + 3), "epoch": step // 2}, step)
    publish_all(
        trackers, run.artifacts, summary or {"test/accuracy": 0.75}, sorted(run.checkpoints.glob("*"))
    )
    close_all(trackers, status)


def folder_of(place):
    (folder,) = (place / "wandb").glob("offline-run-*")
    return folder


def inspect(folder, *options):
    """What W&B's own reader finds in an offline run."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", *options, str(folder)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return json.loads(text) if options else [json.loads(line) for line in text.splitlines()]


def test_offline_holds_what_the_run_directory_holds(run, capfd, configuration, identity):
    config = configuration()
    trackers = trackers_of(config, run)
    record(trackers, run)
    assert {name for name in os.environ if name.startswith("WANDB_")} == {"WANDB_CONFIG_DIR"}  # the one above
    assert capfd.readouterr() == ("", "")

    records = inspect(folder_of(run.path))
    of = {kind: [r[kind] for r in records if r["type"] == kind] for kind in {r["type"] for r in records}}

    history = [row["item"] for row in of["history"] if "train/loss" in row["item"]]
    frame = pd.read_csv(run.metrics_path)
    assert [row["train/loss"] for row in history] == frame["train/loss"].tolist()
    assert [row["trainer/global_step"] for row in history] == frame["step"].tolist()
    assert [row["epoch"] for row in history] == frame["epoch"].tolist()

    started = of["run"][0]
    assert started["display_name"] == run.path.name
    assert (started["run_group"], started["job_type"], started["tags"]) == ("ersm/demo", "train", ["fast"])
    got = started["config"]["update"]
    assert {key: got[key] for key in config if key != "name"} == {k: config[k] for k in config if k != "name"}
    grouping = {"paper": "ersm", "experiment": "demo", "variant": "recommended", "dataset": "digits"}
    expected = {**grouping, **identity, "run": run.path.name, "upstream": {"backbone": "beef"}}
    assert {key: got[key] for key in expected} == expected

    whole = inspect(folder_of(run.path), "--summary")
    assert whole["summary"]["test/accuracy"] == 0.75
    assert whole["exit_code"] == 0
    assert whole["summary"]["figures/panel"]["caption"] == "Panel"
    media = folder_of(run.path) / "files"
    assert (media / whole["summary"]["figures/panel"]["path"]).read_bytes() == (
        run.artifacts.path / "panel.png"
    ).read_bytes()
    table = json.loads((media / whole["summary"]["tables/samples"]["path"]).read_text())
    assert table["columns"] == ["image", "correct", "auroc"]
    assert table["data"] == [["a", True, 0.75], ["b", False, None]]

    artifacts = {
        (item["type"], tuple(item["manifest"]["contents"][0]["path"].split("."))): item
        for item in of["artifact"]
    }
    files = {
        content["path"]: content["local_path"]
        for item in of["artifact"]
        for content in item["manifest"]["contents"]
    }
    assert {"samples.parquet", "samples.csv", "panel.png", "masks.npz", "best.ckpt", "last.ckpt"} <= set(
        files
    )
    assert all(str(path).startswith(str(run.path)) for path in files.values())
    assert files["best.ckpt"] == str(run.checkpoints / "best.ckpt")
    for name in ("best", "last"):
        item = artifacts["model", (name, "ckpt")]
        assert name in item["aliases"]
        metadata = json.loads(item["metadata"]) if isinstance(item["metadata"], str) else item["metadata"]
        assert metadata["upstream"] == {"backbone": "beef"}
        assert metadata["config_hash"] == "c0ffee"
        assert metadata["summary"] == {"test/accuracy": 0.75}
    assert "evaluation" in {kind for kind, _ in artifacts}


def test_a_failed_run_and_a_resumed_one_are_two(run, configuration):
    record(trackers_of(configuration(log_checkpoints=False), run), run, status="failed")
    record(trackers_of(configuration(group="mine", job_type="probe"), run), run)
    first, second = sorted((run.path / "wandb").glob("offline-run-*"))
    found = {
        item["run_id"]: item["exit_code"]
        for item in (inspect(first, "--summary"), inspect(second, "--summary"))
    }
    assert found == {run.path.name: 1, f"{run.path.name}-2": 0}


def test_an_evaluation_has_files_and_a_name_of_its_own(run, configuration):
    evaluation = run.evaluation("later", {"split": "test"})
    trackers = trackers_of(configuration(), run, evaluation)
    assert [tracker.name for tracker in trackers] == ["wandb"]
    publish_all(trackers, run.artifacts, {"test/accuracy": 0.5}, [])
    close_all(trackers, "finished")
    assert not (run.path / "wandb").exists()
    started = next(r["run"] for r in inspect(folder_of(evaluation.path)) if r["type"] == "run")
    assert started["job_type"] == "evaluate"
    assert started["display_name"] == f"{run.path.name}-{evaluation.path.name}"


def test_one_part_that_fails_leaves_the_others(run, capsys, configuration):
    run.artifacts.path.joinpath("samples.parquet").write_bytes(b"broken")
    record(trackers_of(configuration(), run), run)
    assert capsys.readouterr().out.count("\n") == 1
    summary = inspect(folder_of(run.path), "--summary")["summary"]
    assert "figures/panel" in summary
    assert "tables/samples" not in summary


def test_online_without_a_key_goes_on_offline(run, capfd, monkeypatch, configuration):
    class Terminal:
        def isatty(self):
            return True

        def readline(self, *_):
            raise AssertionError("asked for a key")

        read = readline

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    trackers = trackers_of(configuration(mode="online"), run)
    record(trackers, run)
    out, err = capfd.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    assert "No API key" in out
    assert "offline" in out
    assert inspect(folder_of(run.path), "--summary")["summary"]["test/accuracy"] == 0.75


@pytest.mark.slow
def test_online_without_a_server_goes_on_offline(run, capfd, monkeypatch, configuration):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    start = time.perf_counter()
    trackers = trackers_of(configuration(mode="online"), run)
    assert time.perf_counter() - start < 20  # init_timeout is 3 here
    record(trackers, run)
    out, err = capfd.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    assert "offline" in out
    assert inspect(folder_of(run.path), "--summary")["summary"]["test/accuracy"] == 0.75
