"""The cells of a sweep with the backbones that they are built on, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ersm_lab.config.compose import Experiment
from ersm_lab.plan.cells import Cell, backbone_experiment, backbone_overrides
from ersm_lab.plan.identity import identify
from ersm_lab.runs.index import finished_runs


@dataclass(frozen=True)
class Planned:
    """A cell as it will be known, and the cell whose weights it needs first. Only its place is still open."""

    cell: Cell
    backbone: Cell | None = None


class Planner:
    """Plans one experiment after another; each backbone is composed once."""

    def __init__(self) -> None:
        self._backbones: dict[tuple[str, ...], Cell] = {}

    def plan(self, experiment: Experiment) -> Planned:
        overrides = backbone_overrides(experiment)
        if overrides is None:
            return Planned(Cell(experiment, identify(experiment, {})))
        key = tuple(overrides)
        if key not in self._backbones:
            upstream = backbone_experiment(experiment)
            assert upstream is not None
            self._backbones[key] = Cell(upstream, identify(upstream, {}))
        backbone = self._backbones[key]
        upstreams = {"backbone": backbone.record["config_hash"]}
        return Planned(Cell(experiment, identify(experiment, upstreams)), backbone)


def backbones(planned: Iterable[Planned]) -> list[Cell]:
    """What the cells are built on, each once."""
    found = {item.backbone.record["config_hash"]: item.backbone for item in planned if item.backbone}
    return list(found.values())


def missing_backbones(planned: Iterable[Planned], refresh: bool = False) -> list[Cell]:
    """The backbones that ``run_planned`` will ask for: those of cells that are not finished."""
    items = list(planned)
    finished = set() if refresh else {digest for _, digest in finished_runs(outputs_of(items))}
    return backbones(item for item in items if item.cell.record["config_hash"] not in finished)


def outputs_of(planned: Iterable[Planned]) -> set[Path]:
    """Every folder of run directories that the cells name."""
    return {Path(item.cell.experiment.config["paths"]["outputs"]) for item in planned}


def short_names(cells: Sequence[Cell]) -> dict[str, str]:
    """What to call each cell, by config hash: its label and the overrides that not all of its kind share."""
    groups: dict[tuple[str, str], list[set[str]]] = {}
    for cell in cells:
        kind = (cell.experiment.paper, cell.experiment.name)
        groups.setdefault(kind, []).append(set(cell.experiment.overrides))
    names = {}
    for cell in cells:
        shared = set.intersection(*groups[cell.experiment.paper, cell.experiment.name])
        own = [
            word for word in cell.experiment.overrides if word not in shared and not word.startswith("seed=")
        ]
        names[cell.record["config_hash"]] = " ".join([cell.label, *own])
    return names
