"""From experiments to cells: identity, backbones, names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ersm_lab.config.composer import compose_cells, compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.plan.cells import backbone_settings, by_hash, short_names
from ersm_lab.plan.planner import Planner
from tests.conftest import TINY

HEAD = ["experiment=ersm/digits", *TINY]


def test_a_head_stands_on_the_cell_of_its_backbone(lab: Path) -> None:
    """Breaks when the identity of a head forgets its backbone, or a backbone is planned for each head anew."""
    planner = Planner()
    first, second = (planner.plan(one) for one in compose_cells([*HEAD, "seed=0,1"]))
    assert first.backbone is not None
    assert first.backbone is second.backbone
    assert first.backbone.label == "ersm/digits_backbone backbone seed 0"
    assert first.backbone.backbone is None
    assert first.identity.upstream == {"backbone": first.backbone.config_hash}
    alone = planner.plan(compose_experiment([*HEAD, "model.backbone.from_experiment=null"]))
    assert alone.identity.upstream == {}
    assert alone.config_hash not in (first.config_hash, second.config_hash)


def test_a_backbone_lies_where_its_head_does_and_reports_as_it_does(lab: Path) -> None:
    cell = Planner().plan(compose_experiment([*HEAD, "paths.outputs=elsewhere"]))
    assert cell.backbone is not None
    assert cell.backbone.outputs == cell.outputs == Path("elsewhere")
    config, upstream = cell.experiment.config, cell.backbone.experiment.config
    assert upstream.logger.name == config.logger.name == "csv"
    assert upstream.trainer.accelerator == config.trainer.accelerator


def test_a_backbones_run_fills_in_the_checkpoint_and_changes_no_identity(lab: Path) -> None:
    cell = Planner().plan(compose_experiment(HEAD))
    ready = cell.on(Path("outputs/x"))
    settings = backbone_settings(ready.experiment.config)
    assert settings is not None
    assert settings.checkpoint == "outputs/x/checkpoints/best.ckpt"
    assert ready.identity == cell.identity
    assert ready.backbone is None
    before = backbone_settings(cell.experiment.config)
    assert before is not None
    assert before.checkpoint is None


def test_a_backbone_of_a_backbone_is_refused(lab: Path) -> None:
    word = "model.backbone.from_overrides=['model.backbone.from_experiment=ersm/digits_backbone']"
    with pytest.raises(UserError, match="ersm/digits_backbone itself needs a backbone run; one level only"):
        Planner().plan(compose_experiment([*HEAD, word]))


def test_short_names_tell_what_differs(lab: Path) -> None:
    planner = Planner()
    words = [*HEAD, "model.backbone.from_experiment=null", "optimizer.lr=0.1,0.2"]
    cells = [planner.plan(one) for one in compose_cells(words)]
    label = "ersm/digits recommended seed 0"
    assert list(short_names(cells).values()) == [f"{label} optimizer.lr=0.1", f"{label} optimizer.lr=0.2"]
    assert by_hash([*cells, *cells]) == dict(zip(short_names(cells), cells, strict=True))
