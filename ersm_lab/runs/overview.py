"""Every run below a folder in a line: what it is of, how far it got, and its headline score."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.index import run_folders
from ersm_lab.runs.stored import StoredConfig, read_config

STATES = ("finished", "running", "failed", "interrupted", "killed", "unreadable")


@dataclass(frozen=True)
class RunLine:
    """One run.

    Parameters
    ----------
    run: its folder.
    experiment: as ``train`` takes it, ``paper/name``.
    status: one of ``STATES``; ``unreadable`` where the record or the configuration cannot be read.
    data: the name of the data.
    started: ISO 8601, UTC. seconds: from start to end; None where it has not ended.
    metric, score: what its best checkpoint was chosen by, on the split that was evaluated; the first number of the summary
        where there is none such.
    """

    run: str
    paper: str = ""
    experiment: str = ""
    variant: str = ""
    data: str = ""
    seed: int | None = None
    status: str = "unreadable"
    started: str = ""
    seconds: float | None = None
    metric: str = ""
    score: float | None = None

    @property
    def age(self) -> str:
        """The time since its start, in the largest unit that it fills."""
        if not self.started:
            return ""
        seconds = (datetime.now(UTC) - datetime.fromisoformat(self.started)).total_seconds()
        for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
            if seconds >= size:
                return f"{seconds // size:.0f} {unit}"
        return f"{max(seconds, 0):.0f} s"


def run_lines(outputs: Path) -> list[RunLine]:
    """A line for every run below ``outputs``, newest first."""
    lines = [_line(folder) for folder in run_folders(outputs)]
    return sorted(lines, key=lambda line: (line.started, line.run), reverse=True)


def remove_run(folder: Path) -> None:
    """Removes a run directory with all that it holds. Raises ``UserError`` for one that is running, whatever was read of it before."""
    try:
        running = RunDirectory.open(folder).status == "running"
    except UserError:
        running = False  # of another version, or damaged: nobody is at work in it that we know of
    if running:
        raise UserError(f"{folder} is running; it is not removed")
    shutil.rmtree(folder)


def _line(folder: Path) -> RunLine:
    try:
        run = RunDirectory.open(folder)
        record, status = run.record, run.status
        config = StoredConfig.of(read_config(folder))
    except (UserError, OSError, ValueError):
        return RunLine(str(folder))
    if not (config.monitor and config.evaluation.split):
        return RunLine(str(folder))
    metric, score = _headline(record.summary, config.monitor, config.evaluation.split)
    return RunLine(
        run=str(folder),
        paper=record.paper,
        experiment=f"{record.paper}/{record.experiment}",
        variant=config.variant,
        data=config.data.name,
        seed=record.seed,
        status=status,
        started=record.timings.started,
        seconds=record.timings.seconds,
        metric=metric,
        score=score,
    )


def _headline(summary: Mapping[str, object], monitor: str, split: str) -> tuple[str, float | None]:
    for key in (f"{split}/{monitor.partition('/')[2]}", monitor, *summary):
        value = summary.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return key, float(value)
    return "", None
