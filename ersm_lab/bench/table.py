"""Rows of a benchmark: what ours costs, what a named reference costs, and whether a stated goal is met."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One comparison; less is better for both costs.

    name: what is done. ours, reference: absolute costs in ``unit``. goal: the least ``ratio`` that counts as
    met, None where there is none. note: sizes, threads, what the reference is. limit: where the goal is absolute,
    what ours has to stay below, in ``unit``.
    """

    name: str
    ours: float
    reference: float
    unit: str
    goal: float | None = None
    note: str = ""
    limit: float | None = None

    @property
    def ratio(self) -> float:
        """``reference / ours``: how many times less ours costs. Infinite where ours costs nothing."""
        return self.reference / self.ours if self.ours else float("inf")

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        if self.goal is None and self.limit is None:
            return None
        return self.ratio >= (self.goal or 0) and (self.limit is None or self.ours < self.limit)


def render(rows: Sequence[Row], title: str = "") -> Table:
    """A rich table: both absolute costs, their ratio, the goal and the verdict."""
    table = Table(title=title or None, title_justify="left")
    table.add_column("benchmark")
    for heading in ("ours", "reference", "ratio", "goal"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("met")
    table.add_column("note")
    for row in rows:
        verdict = {None: "", True: "[green]yes[/green]", False: "[bold red]NO[/bold red]"}[row.met]
        goals = [f">= {row.goal:g}x"] if row.goal is not None else []
        goals += [f"< {row.limit:g} {row.unit}"] if row.limit is not None else []
        costs = [f"{cost:.4g} {row.unit}" for cost in (row.ours, row.reference)]
        table.add_row(row.name, *costs, f"{row.ratio:.2f}x", ", ".join(goals), verdict, row.note)
    return table


def show(rows: Sequence[Row], title: str = "", console: Console | None = None) -> None:
    """Prints ``render(rows)``."""
    (console or Console(width=None if sys.stdout.isatty() else 150)).print(render(rows, title))
