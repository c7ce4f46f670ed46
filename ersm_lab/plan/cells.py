"""The graph of runs: a head needs its backbone, which is run first when no finished run of it exists."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ersm_lab.config.compose import Experiment
from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.plan.identity import finished_run, identify


@dataclass(frozen=True)
class Cell:
    """A run that can start: its experiment with every upstream path filled in, and its identity.

    ``asked``: what finished before this moment (seconds since the epoch) is no answer; with ``--refresh`` the launch.
    """

    experiment: Experiment
    record: dict[str, Any]
    asked: float = 0.0

    @property
    def label(self) -> str:
        """What a person calls it: paper, experiment, variant, seed."""
        config = self.experiment.config
        parts = [
            f"{self.experiment.paper}/{self.experiment.name}",
            config["model"].get("variant"),
            f"seed {config['seed']}",
        ]
        return " ".join(str(part) for part in parts if part)

    def finished(self) -> Path | None:
        """The run directory of an equal finished run, or None."""
        return finished_run(self.experiment, self.record)


def backbone_overrides(experiment: Experiment) -> list[str] | None:
    """What the experiment that supplies this one's backbone weights is composed from, or None."""
    backbone = experiment.config["model"].get("backbone") or {}
    if not backbone.get("from_experiment"):
        return None
    paths = [f"paths.{key}={value}" for key, value in experiment.config["paths"].items()]
    trainer = experiment.config["trainer"]
    # where it runs and how it reports follow the head; what it is does not
    same = [f"trainer.accelerator={trainer['accelerator']}", f"trainer.progress={trainer['progress']}"]
    same.append(f"logger={experiment.config['logger']['name']}")
    return [f"experiment={backbone['from_experiment']}", *backbone["from_overrides"], *paths, *same]


def backbone_experiment(experiment: Experiment) -> Experiment | None:
    """The experiment that supplies this one's backbone weights, or None."""
    overrides = backbone_overrides(experiment)
    if overrides is None:
        return None
    upstream = compose_experiment(overrides)
    if (upstream.config["model"].get("backbone") or {}).get("from_experiment"):
        raise UserError(
            f"model.backbone.from_experiment: {overrides[0].partition('=')[2]} itself needs a backbone run; one level only"
        )
    return upstream


def prepare(
    experiment: Experiment, run: Callable[[Cell], Path], backbones: dict[str, tuple[Path, str]] | None = None
) -> Cell:
    """The cell of ``experiment``; ``run`` is called for a backbone that no finished run supplies.

    ``backbones`` remembers, over many cells, the run directory and hash of each backbone by what it was asked for.
    """
    known = {} if backbones is None else backbones
    upstream = backbone_experiment(experiment)
    if upstream is None:
        return Cell(experiment, identify(experiment, {}))
    key = repr(upstream.overrides)
    if key not in known:
        cell = Cell(upstream, identify(upstream, {}))
        known[key] = (cell.finished() or run(cell), cell.record["config_hash"])
    folder, digest = known[key]
    return on_backbone(Cell(experiment, identify(experiment, {"backbone": digest})), folder)


def on_backbone(cell: Cell, folder: Path) -> Cell:
    """``cell`` with the weights of the finished backbone run in ``folder``; its identity names that run by hash."""
    config = copy.deepcopy(cell.experiment.config)
    config["model"]["backbone"]["checkpoint"] = str(folder / "checkpoints" / "best.ckpt")
    return replace(cell, experiment=replace(cell.experiment, config=config))


def prepare_all(experiments: Sequence[Experiment], run: Callable[[Cell], Path]) -> list[Cell]:
    """Cells of many experiments; each backbone is looked up, and run, once."""
    backbones: dict[str, tuple[Path, str]] = {}
    return [prepare(experiment, run, backbones) for experiment in experiments]
