"""`run.log` has what was printed and logged, and the traceback."""

from __future__ import annotations

import logging
import sys

import pytest

from ersm_lab.runs.log import run_log


def test_plain_lines_of_everything(tmp_path, capsys):
    path = tmp_path / "run.log"
    before = sys.stdout, sys.stderr
    with run_log(path):
        print("hello", end="")
        print(" you")
        print("\r 1%\r 50%\r100%")
        print("careful", file=sys.stderr)
        logging.getLogger("lab.test").warning("watch out")
    assert (sys.stdout, sys.stderr) == before
    assert "hello you\n\r 1%\r 50%\r100%\n" in capsys.readouterr().out
    *printed, logged = path.read_text().splitlines()
    assert printed == ["hello you", "100%", "careful"]
    assert logged.endswith("WARNING lab.test: watch out")


def test_the_traceback_and_a_second_start(tmp_path):
    path = tmp_path / "run.log"
    for _ in range(2):
        with pytest.raises(ValueError, match="no way"), run_log(path):
            raise ValueError("no way")
    text = path.read_text()
    assert text.count("Traceback (most recent call last)") == 2
    assert text.rstrip().endswith("ValueError: no way")


def test_a_full_disk_does_not_hide_the_error(tmp_path, capsys):
    full = tmp_path / "run.log"
    full.symlink_to("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")

    def fail() -> None:
        print("still shown")
        raise ValueError("no way")

    with pytest.raises(ValueError, match="no way"), run_log(full):
        fail()
    assert "still shown" in capsys.readouterr().out
