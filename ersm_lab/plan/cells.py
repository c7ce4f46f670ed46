"""Cells: runs that are wanted, finished or not."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from ersm_lab.config.compose import Experiment
from ersm_lab.config.schema import RunConfig
from ersm_lab.runs.record import RunIdentity


@runtime_checkable
class BackboneSettings(Protocol):
    """Settings of a backbone whose weights a run can supply: ``from_experiment`` names its experiment, ``checkpoint`` its file."""

    checkpoint: str | None
    from_experiment: str | None
    from_overrides: list[str]


@dataclass(frozen=True)
class Cell:
    """A run that is wanted.

    Parameters
    ----------
    experiment: what is run.
    identity: by what an equal run is recognised.
    backbone: the cell whose weights it needs first, or None.
    asked: a run that ended before this moment (seconds since the epoch) is no answer; with ``--refresh`` the launch.
    """

    experiment: Experiment
    identity: RunIdentity
    backbone: Cell | None = None
    asked: float = 0.0

    @property
    def config_hash(self) -> str:
        """What equal cells and their runs have in common."""
        return self.identity.config_hash

    @property
    def outputs(self) -> Path:
        """The folder below which its run directory lies."""
        return Path(self.experiment.config.paths.outputs)

    @property
    def label(self) -> str:
        """What a person calls it: paper, experiment, variant, seed."""
        config = self.experiment.config
        name = f"{self.experiment.paper}/{self.experiment.name}"
        return " ".join(part for part in (name, config.model.variant, f"seed {config.seed}") if part)

    def on(self, run: Path) -> Cell:
        """This cell with the weights of the finished run of its backbone, in the directory ``run``."""
        config = copy.deepcopy(self.experiment.config)
        backbone = backbone_settings(config)
        assert backbone is not None
        backbone.checkpoint = str(run / "checkpoints" / "best.ckpt")
        return replace(self, experiment=replace(self.experiment, config=config), backbone=None)


def backbone_settings(config: RunConfig) -> BackboneSettings | None:
    """Those of the model's backbone; None where it has none whose weights a run could supply."""
    found = getattr(config.model, "backbone", None)
    return found if isinstance(found, BackboneSettings) else None


def by_hash(cells: Iterable[Cell]) -> dict[str, Cell]:
    """Every cell once, in the order of the first that are equal."""
    found: dict[str, Cell] = {}
    for cell in cells:
        found.setdefault(cell.config_hash, cell)
    return found


def outputs_of(cells: Iterable[Cell]) -> set[Path]:
    """Every folder of run directories that the cells name."""
    return {cell.outputs for cell in cells}


def short_names(cells: Sequence[Cell]) -> dict[str, str]:
    """What to call each cell, by config hash: its label and the overrides that not all of its experiment share."""
    groups: dict[tuple[str, str], list[set[str]]] = {}
    for cell in cells:
        groups.setdefault(_kind(cell), []).append(set(cell.experiment.overrides))
    shared = {kind: set.intersection(*words) for kind, words in groups.items()}
    names = {}
    for cell in cells:
        known = shared[_kind(cell)]
        own = [
            word for word in cell.experiment.overrides if word not in known and not word.startswith("seed=")
        ]
        names[cell.config_hash] = " ".join([cell.label, *own])
    return names


def _kind(cell: Cell) -> tuple[str, str]:
    return cell.experiment.paper, cell.experiment.name
