"""From experiments to cells: each with its identity, and with the cell of the backbone that it is built on."""

from __future__ import annotations

from ersm_lab.config.compose import Experiment
from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.plan.cells import Cell, backbone_settings
from ersm_lab.plan.identity import identify


class Planner:
    """Plans one experiment after another; each backbone is composed and identified once."""

    def __init__(self) -> None:
        self._backbones: dict[tuple[str, ...], Cell] = {}

    def plan(self, experiment: Experiment) -> Cell:
        """The cell of ``experiment``. Nothing is looked up but its data, and nothing is run.

        Raises
        ------
        UserError: its data are missing, or its backbone's experiment does not compose.
        """
        words = _backbone_words(experiment)
        if words is None:
            return Cell(experiment, identify(experiment, {}))
        key = tuple(words)
        if key not in self._backbones:
            self._backbones[key] = _backbone(words)
        backbone = self._backbones[key]
        return Cell(experiment, identify(experiment, {"backbone": backbone.config_hash}), backbone)


def _backbone_words(experiment: Experiment) -> list[str] | None:
    """What the experiment that supplies the weights of this one's backbone is composed from, or None."""
    config = experiment.config
    backbone = backbone_settings(config)
    if backbone is None or not backbone.from_experiment:
        return None
    # where it runs and how it reports follow the head; what it is does not
    paths = [f"paths.{key}={value}" for key, value in vars(config.paths).items() if value is not None]
    trainer = [
        f"trainer.accelerator={config.trainer.accelerator}",
        f"trainer.progress={config.trainer.progress}",
    ]
    own = [f"experiment={backbone.from_experiment}", *backbone.from_overrides]
    return [*own, *paths, *trainer, f"logger={config.logger.name}"]


def _backbone(words: list[str]) -> Cell:
    experiment = compose_experiment(words)
    backbone = backbone_settings(experiment.config)
    if backbone is not None and backbone.from_experiment:
        name = words[0].partition("=")[2]
        raise UserError(f"model.backbone.from_experiment: {name} itself needs a backbone run; one level only")
    return Cell(experiment, identify(experiment, {}))
