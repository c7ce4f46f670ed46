"""Advisory locks: one holder at a time, let go when it ends."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.files import locks
from ersm_lab.files.locks import hold, wait_and_hold


def test_who_comes_second_gets_none_at_once(tmp_path):
    with hold(tmp_path / "deep" / "lock") as first, hold(tmp_path / "deep" / "lock") as second:
        assert first is not None
        assert second is None
    with hold(tmp_path / "deep" / "lock") as again:
        assert again is not None


def test_who_waits_gets_it_when_the_first_lets_go(tmp_path):
    path, order = tmp_path / "lock", []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with wait_and_hold(path):
            order.append("second")

    with wait_and_hold(path):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(60)
        thread.join(0.1)
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]


@pytest.mark.parametrize("how", [hold, wait_and_hold])
def test_a_file_system_without_locks_is_used_without_them(tmp_path, monkeypatch, how):
    def flock(*_: object) -> None:
        raise OSError(locks.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with how(tmp_path / "lock") as file:
        assert file is not None


def test_a_lock_that_cannot_be_made(tmp_path):
    Path(tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/lock cannot be written"), hold(tmp_path / "file" / "lock"):
        pass
    with pytest.raises(OSError, match="file"), wait_and_hold(tmp_path / "file" / "lock"):
        pass
