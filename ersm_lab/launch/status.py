"""What a launch says while it runs: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ersm_lab.launch.jobs import Outcome, Watcher
from ersm_lab.plan.cells import Cell

_EVERY = 30.0  # seconds between plain lines that only say that it is still alive
_SHOWN = 12  # running jobs in the live table


class Status(Watcher):
    """Counts cells as they start and end.

    Parameters
    ----------
    slots: jobs at a time, for the time left.
    names: what to call a cell, by config hash; otherwise its label and its overrides.
    shared: overrides of every cell, which tell nobody anything.
    live: redraw in place; by default when standard output is a terminal.
    """

    def __init__(
        self,
        slots: int,
        names: Mapping[str, str] | None = None,
        shared: Sequence[str] = (),
        live: bool | None = None,
    ) -> None:
        self._total, self._slots, self._names = 0, slots, names or {}
        self._shared = set(shared)
        self._counts: Counter[str] = Counter()
        self._running: dict[str, tuple[str, float]] = {}
        self._seconds: list[float] = []
        self._begun = self._spoke = time.monotonic()
        self._live: Live | None = None
        self._console = Console(soft_wrap=True, highlight=False)
        self._wants_live = sys.stdout.isatty() if live is None else live

    def __enter__(self) -> Status:
        if self._wants_live:
            self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._draw)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def expect(self, more: int) -> None:
        self._total += more

    def started(self, cell: Cell) -> None:
        self._running[cell.config_hash] = (self._name(cell), time.monotonic())
        if not self._live:
            self._say(f"started {self._name(cell)}")

    def held(self, cell: Cell) -> None:
        self._running.pop(cell.config_hash, None)
        self._say(f"another process runs {self._name(cell)}: waiting for it")

    def settled(self, outcome: Outcome) -> None:
        self._running.pop(outcome.cell.config_hash, None)
        self._counts[outcome.state] += 1
        if outcome.state == "done":
            self._seconds.append(outcome.seconds)
        if outcome.state == "skipped" and not outcome.message:
            return  # counted; a hundred lines that nothing happened help nobody
        of = f"/{self._total}" if self._total else ""
        note = f": {outcome.message}" if outcome.message else ""
        took = f" in {duration(outcome.seconds)}" if outcome.seconds else ""
        count, name = sum(self._counts.values()), self._name(outcome.cell)
        self._say(f"[{count}{of}] {outcome.state}{took} {name}{note}  {outcome.path}")

    def tick(self) -> None:
        if not self._live and self._running and time.monotonic() - self._spoke > _EVERY:
            self._say(self.line())

    def line(self) -> str:
        """All counts, and the time left once a job has shown how long they take."""
        parts = [f"{len(self._running)} running"]
        parts += [f"{self._counts[name]} {name}" for name in ("done", "failed", "skipped")]
        parts.append(f"{duration(time.monotonic() - self._begun)} so far")
        left = self.seconds_left()
        return ", ".join(parts if left is None else [*parts, f"about {duration(left)} left"])

    def seconds_left(self) -> float | None:
        """From the mean of what is done; None before the first, after the last, or when the total is not known."""
        if not self._seconds or not self._total:
            return None
        mean, now = sum(self._seconds) / len(self._seconds), time.monotonic()
        waiting = max(0, self._total - sum(self._counts.values()) - len(self._running))
        begun = [max(0.0, mean - (now - start)) for _, start in self._running.values()]
        if not waiting and not begun:
            return None
        return max([(waiting * mean + sum(begun)) / self._slots, *begun])

    def _name(self, cell: Cell) -> str:
        own = (word for word in cell.experiment.overrides if word not in self._shared)
        return self._names.get(cell.config_hash) or " ".join([cell.label, *own])

    def _draw(self) -> Group:
        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        for label, start in list(self._running.values())[:_SHOWN]:
            table.add_row(Text("running", style="cyan"), Text(label), Text(duration(now - start)))
        if len(self._running) > _SHOWN:
            table.add_row("", Text(f"and {len(self._running) - _SHOWN} more"), "")
        return Group(table, Text(self.line(), style="bold"))

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        if self._live:
            self._console.print(Text(line))
        else:
            print(line, flush=True)


def duration(seconds: float) -> str:
    """``8 s``, ``3 min 5 s``, ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
    )
