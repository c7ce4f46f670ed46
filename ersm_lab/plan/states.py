"""What is finished, what is running and what is missing of the cells that are wanted, from one look at the run directories."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ersm_lab.config.compose import Experiment
from ersm_lab.plan.cells import Cell, by_hash, outputs_of
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.hashing import config_hash, package_digest
from ersm_lab.runs.index import finished_runs, run_states
from ersm_lab.runs.record import RunRecord

State = Literal["finished", "running", "missing"]
# of run directories; one that failed, was killed or interrupted leaves its cell missing
_STATES: dict[str, State] = {"finished": "finished", "running": "running"}


class FinishedRuns:
    """The finished runs below some folders, looked for once. Runs of another version of the package count."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._runs = finished_runs(folders)

    def of(self, cell: Cell) -> Path | None:
        """The directory of the newest finished run of an equal cell, or None."""
        return self._runs.get((cell.outputs, cell.config_hash))

    def as_recorded(self, experiment: Experiment) -> Path | None:
        """The directory of the newest finished run of ``experiment`` on whatever data and backbone its own record names, or None.

        For where the data are not at hand, so that the experiment is no cell.
        """
        config = experiment.config
        for run, record in self._records:
            if (record.paper, record.experiment, record.seed) != (
                experiment.paper,
                experiment.name,
                config.seed,
            ):
                continue
            if record.config_hash == config_hash(config, record.data_fingerprint, record.upstream):
                return run
        return None

    def __bool__(self) -> bool:
        return bool(self._runs)

    @functools.cached_property
    def _records(self) -> list[tuple[Path, RunRecord]]:
        """Of every run, the newest first."""
        runs = sorted(self._runs.values(), key=lambda run: run.name, reverse=True)
        return [(run, RunDirectory.open(run).record) for run in runs]


@dataclass(frozen=True)
class Listed:
    """A cell with its state, and the run directory that speaks for it (None where it is missing)."""

    cell: Cell
    state: State
    run: Path | None = None

    @property
    def is_of_other_code(self) -> bool:
        """Whether it is finished, by another version of the package."""
        if self.state != "finished" or self.run is None:
            return False
        return RunDirectory.open(self.run).record.package_digest != package_digest()


def backbones(cells: Iterable[Cell]) -> list[Cell]:
    """What the cells are built on, each once."""
    return list(by_hash(cell.backbone for cell in cells if cell.backbone is not None).values())


def missing_backbones(cells: Sequence[Cell], refresh: bool = False) -> list[Cell]:
    """The backbones that a launch of ``cells`` asks for: those of cells that are not finished, each once.

    They may be finished themselves. ``refresh``: finished cells count as missing.
    """
    if refresh:
        return backbones(cells)
    finished = FinishedRuns(outputs_of(cells))
    return backbones(cell for cell in cells if finished.of(cell) is None)


def list_states(cells: Sequence[Cell], refresh: bool = False) -> list[Listed]:
    """Every cell once, behind the backbones that a launch of them asks for.

    ``refresh``: what is finished counts as missing, except for backbones, which no refresh runs again.
    """
    found = run_states(outputs_of(cells))
    below = by_hash(missing_backbones(cells, refresh))
    listed = []
    for digest, cell in (below | by_hash(cells)).items():
        status, run = found.get((cell.outputs, digest), ("", None))
        state = "missing" if refresh and digest not in below else _STATES.get(status, "missing")
        listed.append(Listed(cell, state, None if state == "missing" else run))
    return listed
