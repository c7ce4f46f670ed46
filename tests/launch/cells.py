"""Cells that stand for runs nobody makes."""

from __future__ import annotations

from pathlib import Path

from ersm_lab.config.compose import Experiment
from ersm_lab.config.schema import PathsConfig, RunConfig, TrainerConfig
from ersm_lab.core.schema import ModelConfig
from ersm_lab.plan.cells import Cell
from ersm_lab.runs.record import RunIdentity


def named_cell(name: str, outputs: Path = Path("outputs"), accelerator: str = "auto") -> Cell:
    """``ersm/NAME`` with seed 0 and one override; its config hash is the name, 64 times."""
    config = RunConfig(
        paths=PathsConfig(outputs=str(outputs)),
        model=ModelConfig(variant=""),
        trainer=TrainerConfig(accelerator=accelerator),
    )
    return Cell(Experiment("ersm", name, config, (f"a={name}",)), RunIdentity(64 * name))
