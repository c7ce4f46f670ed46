"""Layout, status and atomic records of run directories."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.runs import directory
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.index import find_runs
from ersm_lab.runs.record import RunIdentity
from tests.runs.conftest import CONFIG, RECORD, make


def test_what_a_new_run_holds(run, tmp_path):
    assert run.path.parent == tmp_path / "outputs" / "ersm" / "demo"
    assert re.fullmatch(r"\d{8}_\d{6}-[0-9a-f]{6}", run.path.name)
    assert run.checkpoints.is_dir()
    assert run.config == CONFIG
    record = json.loads((run.path / "run.json").read_text())
    expected = {**RECORD, "schema_version": 1, "status": "running", "paper": "ersm", "experiment": "demo"}
    assert {key: record[key] for key in expected} == expected
    assert record["overrides"] == ["seed=3"]
    assert record["pid"] == os.getpid()
    assert abs(record["heartbeat"] - time.time()) < 60
    assert {"host", "versions", "git", "hardware", "command", "timings", "summary", "error"} <= set(record)
    assert set(record["git"]) == {"commit", "dirty", "diff_hash"}
    assert record["versions"]["torch"]
    assert run.status == "running"


def test_overrides_stay_in_the_comment(tmp_path):
    run = RunDirectory.create(tmp_path, "ersm", "demo", {"a": 1}, ["a=1", "name=x\nb: 2"], RunIdentity())
    assert run.config == {"a": 1}
    assert (run.path / "config.yaml").read_text().startswith("# overrides: a=1 name=x b: 2\n")


def test_updates_merge_and_the_final_status_has_everything(run):
    run.update(parameters=7)
    run.finish("finished", summary={"test/accuracy": 0.5, "test/auroc": float("nan")})
    record = RunDirectory.open(run.path).record
    assert record.parameters == 7
    assert record.summary == {"test/accuracy": 0.5, "test/auroc": None}
    assert record.timings.seconds >= 0
    assert run.status == "finished"
    assert list(run.path.glob(".*")) == []


def test_a_failed_run_can_be_restarted(run):
    run.finish("failed", error="ValueError: no")
    assert run.record.error == "ValueError: no"
    run.restart()
    assert (run.status, run.record.error, len(run.record.resumed)) == ("running", None, 1)


def test_open_says_what_is_wrong(tmp_path, run):
    with pytest.raises(UserError, match=r"no run directory: it has no run\.json"):
        RunDirectory.open(tmp_path)
    run.update(schema_version=99)
    with pytest.raises(UserError, match="schema version 99"):
        RunDirectory.open(run.path)
    (run.path / "run.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        RunDirectory.open(str(run.path))


def test_stale_runs_count_as_killed(run):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    run.update(pid=child.pid)
    assert run.status == "killed"
    run.update(host="another", heartbeat=time.time() - 300)
    assert run.status == "running"
    run.update(heartbeat=time.time() - 700)
    assert run.status == "killed"
    run.finish("finished")
    assert run.status == "finished"


def test_heartbeats_start_and_stop(run, monkeypatch):
    monkeypatch.setattr(directory, "HEARTBEAT_SECONDS", 0.01)
    run.update(heartbeat=0.0)
    with run.heartbeats():
        end = time.monotonic() + 5
        while run.record.heartbeat == 0 and time.monotonic() < end:
            time.sleep(0.01)
        run.finish("finished", summary={"a": 1.0})  # as the trainer does: while it beats
    assert run.record.heartbeat > 0
    assert (run.status, run.record.summary) == ("finished", {"a": 1.0})
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}
    before = run.record.heartbeat
    time.sleep(0.05)
    assert run.record.heartbeat == before


def test_a_heartbeat_that_cannot_be_written_goes_on(run, monkeypatch):
    monkeypatch.setattr(directory, "HEARTBEAT_SECONDS", 0.01)
    beats = []

    def fails() -> None:
        beats.append(1)
        raise UserError("no space left")

    monkeypatch.setattr(run, "heartbeat", fails)
    with run.heartbeats():
        end = time.monotonic() + 5
        while len(beats) < 3 and time.monotonic() < end:
            time.sleep(0.01)
    assert len(beats) >= 3


def test_a_reader_never_sees_half_a_record(run):
    done = threading.Event()
    seen = []

    def read() -> None:
        while not done.is_set():
            seen.append(json.loads((run.path / "run.json").read_text())["value"])

    run.update(value=-1)
    thread = threading.Thread(target=read)
    thread.start()
    for value in range(100):
        run.update(value=value)
    done.set()
    thread.join()
    assert len(seen) > 1
    assert seen == sorted(seen)


def test_an_evaluation_has_a_record_of_its_own(run):
    before = run.record
    one = run.evaluation("occlusion", {"split": "test", "size": 4})
    same = run.evaluation("occlusion", {"size": 4.0, "split": "test"})
    other = run.evaluation("occlusion", {"split": "test", "size": 8})
    assert one.path == same.path != other.path
    assert one.path.parent == run.path / "evaluations"
    assert re.fullmatch(r"occlusion-[0-9a-f]{8}", one.path.name)
    assert other.status == "running"
    assert other.record.package_digest
    with other.heartbeats():  # a long one must not count as killed
        other.heartbeat()
    other.finish("failed", error="no")
    assert (other.status, other.config) == ("failed", {"split": "test", "size": 8})
    assert run.record == before


def _create(outputs: str, barrier: object, answers: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    answers.put([make(Path(outputs)).path.name for _ in range(10)])  # type: ignore[attr-defined]


def test_runs_of_the_same_second_never_share_a_folder(tmp_path, monkeypatch):
    context = multiprocessing.get_context("fork")
    # one of sixteen names each: without exclusive creation, collisions would be certain
    names = "0123456789abcdef"
    monkeypatch.setattr(directory.secrets, "token_hex", lambda n: names[os.urandom(1)[0] % 16] * 6)
    barrier, answers = context.Barrier(4), context.SimpleQueue()
    workers = [context.Process(target=_create, args=(str(tmp_path), barrier, answers)) for _ in range(4)]
    for worker in workers:
        worker.start()
    found = [name for _ in workers for name in answers.get()]
    for worker in workers:
        worker.join()
    assert len(found) == len(set(found)) == 40
    assert {path.name for path in (tmp_path / "ersm" / "demo").iterdir()} == set(found)


def test_outputs_that_cannot_be_made(tmp_path):
    (tmp_path / "outputs").write_text("a file")
    with pytest.raises(UserError, match="cannot make a run directory below"):
        make(tmp_path / "outputs")


@pytest.mark.parametrize("text", ["[]", "3", "null", '{"schema_version"', "\ud800", '{"status": 3}'])
def test_a_damaged_record_is_one_line_and_no_run(tmp_path: Path, text: str) -> None:
    """Breaks when one broken file among thousands ends every sweep, table and report of a folder."""
    folder = tmp_path / "ersm" / "x" / "20260101_000000-aaaaaa"
    folder.mkdir(parents=True)
    (folder / "run.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UserError):
        RunDirectory.open(folder)
    assert find_runs(tmp_path) == []
