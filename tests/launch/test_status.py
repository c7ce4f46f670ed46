"""What a launch says while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import ersm_lab.launch.status as status_module
from ersm_lab.launch.jobs import Outcome
from ersm_lab.launch.status import Status, duration
from tests.launch.cells import named_cell


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
    with Status(2, live=False) as status:
        status.expect(6)
        status.settled(Outcome(named_cell("a"), "skipped", Path("a")))
        assert status.seconds_left() is None
        for name in "bc":
            status.started(named_cell(name))
        clock.now = 10
        status.settled(Outcome(named_cell("b"), "done", Path("b"), seconds=10))
        status.settled(Outcome(named_cell("c"), "failed", Path("c.log"), "out of memory", 1))
        status.started(named_cell("d"))
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
    with Status(1, live=True) as status:
        status.started(named_cell("a"))
        console = status_module.Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
        console.print(status._draw())
        assert "ersm/a seed 0 a=a" in console.export_text()
    assert "1 running" in capsys.readouterr().out


def test_durations() -> None:
    assert [duration(s) for s in (8.4, 185, 7800)] == ["8 s", "3 min 5 s", "2 h 10 min"]
