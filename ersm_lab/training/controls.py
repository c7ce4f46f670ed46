"""Models that the suite of one run borrows from others: its controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytorch_lightning as pl

from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import owner
from ersm_lab.evaluation.classifiers.models import same_backbone
from ersm_lab.evaluation.classifiers.rankings import BASELINE
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.training.finished import LoadedRun, config_of, load_model


def controls_of(
    mine: LoadedRun, every: Sequence[LoadedRun], wanted: Mapping[str, str | None], checkpoint: str
) -> dict[str, pl.LightningModule]:
    """The models that the suite of ``mine`` borrows, by role.

    Parameters
    ----------
    mine: the run that is measured.
    every: the runs that are evaluated together.
    wanted: the run directory of each role; None: a run among ``every`` whose variant has the role's name (``baseline``: that is
        one of the paper's baselines), of the same seed, data and backbone. A role that nobody has is left out.
    checkpoint: of a run that is loaded for a role.

    Raises
    ------
    UserError: a run directory whose model has another backbone: on the features of ``mine`` it says nothing.
    """
    found: dict[str, pl.LightningModule] = {}
    for role, folder in wanted.items():
        if folder:
            run = RunDirectory.open(folder)
            model = load_model(run, config_of(run, mine.config.paths), mine.flow.data, checkpoint)
            if not same_backbone(model, mine.model):
                raise UserError(
                    f"{Path(folder)} cannot be the {role} of {mine.run.path}: it has another backbone"
                )
            found[role] = model
        elif (model_of_role := _among(every, role, mine)) is not None:
            found[role] = model_of_role
    return found


def _among(every: Sequence[LoadedRun], role: str, mine: LoadedRun) -> pl.LightningModule | None:
    for variant in _variants(role, mine):
        for other in every:
            alike = (other.config.seed, other.config.data) == (mine.config.seed, mine.config.data)
            if alike and other.config.model.variant == variant and same_backbone(other.model, mine.model):
                return other.model
    return None


def _variants(role: str, mine: LoadedRun) -> tuple[str, ...]:
    """Which variants may have a role, in order: the one of its name; for that of a baseline those which the paper names so."""
    plugin = owner(mine.config.model._target_)
    return plugin.baselines if role == BASELINE and plugin is not None and plugin.baselines else (role,)
