"""Atomic writing: files and folders are whole or absent, after a failure, a full disk and a kill."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.files.atomic import make_folder, replacing, write_json, write_text, write_with

ROOT = str(Path(__file__).parents[2])


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def half(temporary: Path) -> None:
        temporary.write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_with(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("where", ["os.fsync", "os.replace", "tempfile.mkstemp"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_path(tmp_path, monkeypatch, where, code):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(*_: object, **__: object) -> None:
        raise OSError(code, "full")

    with monkeypatch.context() as patch:
        patch.setattr(f"ersm_lab.files.atomic.{where}", full)
        with pytest.raises(UserError, match=r"no space left on the disk for .*a\.txt"):
            write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "missing" / "a.txt", "new")


def test_json_is_strict(tmp_path):
    np = pytest.importorskip("numpy")
    write_json(tmp_path / "a.json", {"nan": float("nan"), "n": np.int64(3), "path": tmp_path, "t": (1, 2)})
    text = (tmp_path / "a.json").read_text()
    assert "NaN" not in text
    assert '"n": 3' in text


def test_the_advice_on_a_full_disk_is_the_callers(tmp_path):
    with (
        pytest.raises(UserError, match=r"no space left on the disk for .*a\.bin; the old one is whole"),
        replacing(tmp_path / "a.bin", when_full="the old one is whole"),
    ):
        raise OSError(errno.ENOSPC, "full")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_made_once(tmp_path):
    def fill(folder: Path) -> None:
        (folder / "a.txt").write_text("first")

    assert make_folder(tmp_path / "deep" / "made", fill)
    assert not make_folder(tmp_path / "deep" / "made", lambda folder: pytest.fail("made twice"))
    assert (tmp_path / "deep" / "made" / "a.txt").read_text() == "first"
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == [".made.lock", "made"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), ZeroDivisionError()])
def test_a_folder_that_fails_leaves_nothing(tmp_path, error):
    def fill(folder: Path) -> None:
        (folder / "half").write_text("")
        raise error

    with pytest.raises(UserError if isinstance(error, OSError) else ZeroDivisionError) as caught:
        make_folder(tmp_path / "made", fill, "buy a disk")
    if isinstance(error, OSError):
        assert str(caught.value) == f"{tmp_path}/made cannot be written: No space left on device; buy a disk"
    assert [path.name for path in tmp_path.iterdir()] == [".made.lock"]


def test_a_folder_below_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        UserError, match=r"file/made cannot be written: .*; free some space, or set paths\.data"
    ):
        make_folder(tmp_path / "file" / "made", lambda folder: None)


def test_two_writers_where_nothing_can_be_locked(tmp_path, monkeypatch):
    """Breaks when the slower one fails, or replaces what the faster one has made."""

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("ersm_lab.files.locks.fcntl.flock", flock)
    place = tmp_path / "made"

    def slower(folder: Path) -> None:
        (folder / "a.txt").write_text("slower")
        assert make_folder(place, lambda other: (other / "a.txt").write_text("faster"))

    assert not make_folder(place, slower)
    assert (place / "a.txt").read_text() == "faster"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".made.lock", "made"]


_KILLED = """
import signal, sys
from pathlib import Path
from ersm_lab.files.atomic import make_folder, write_with
def half(path):
    (path / "half" if path.is_dir() else path).write_text("half")
    print("half", flush=True)
    signal.pause()
{call}
"""


@pytest.mark.parametrize("call", ["write_with(Path('a.txt'), half)", "make_folder(Path('made'), half)"])
def test_a_kill_leaves_what_was_there_and_the_next_one_works(tmp_path, call):
    """Breaks when half a file takes the old one's place, or the lock outlives its holder."""
    write_text(tmp_path / "a.txt", "old")
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED.format(call=call)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert not (tmp_path / "made").exists()
    assert make_folder(tmp_path / "made", lambda folder: (folder / "whole").write_text(""))
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["whole"]
