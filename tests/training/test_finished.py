"""Finished runs made ready for an evaluation: what overrides change of their configuration, and that data are built once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import Plugin
from ersm_lab.core.settings import plain
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.record import RunIdentity
from ersm_lab.training import controls, finished
from ersm_lab.training.build import build_model
from ersm_lab.training.finished import evaluation_config, load_runs
from tests.conftest import TINY


@pytest.fixture
def make(tmp_path: Path):
    """A function: a finished run of the default experiment under overrides; nothing was trained in it."""

    def run(*overrides: str, status: str = "finished") -> RunDirectory:
        config = compose_experiment(["logger=csv", "evaluation.panels=5", *overrides]).config
        made = RunDirectory.create(tmp_path, "ersm", "default", plain(config), overrides, RunIdentity())
        made.finish(status)
        return made

    return run


def asked(run: RunDirectory, *overrides: str):
    return evaluation_config(run, compose_experiment(["logger=csv", *overrides]).config, overrides)


def test_without_overrides_a_run_keeps_its_configuration_but_for_folders_and_the_source_of_its_weights(make):
    run = make("paths.cache=there", "model.backbone.checkpoint=gone.ckpt", "seed=4")
    config = asked(run)
    assert (config.seed, config.evaluation.panels, config.trainer.max_epochs) == (4, 5, 20)
    assert config.paths.cache != "there"
    assert config.model.backbone.checkpoint is None
    assert config.model.backbone.name == run.config["model"]["backbone"]["name"]


def test_a_single_key_is_changed_on_top_of_the_runs_own(make):
    run = make("evaluation.split=val", "evaluation.deletion.draws=2")
    config = asked(run, "evaluation.deletion.enabled=true", "++evaluation.checkpoint=last")
    assert (config.evaluation.split, config.evaluation.panels) == ("val", 5)
    assert (config.evaluation.checkpoint, config.evaluation.deletion.enabled) == ("last", True)
    assert config.evaluation.deletion.draws == 2


def test_a_chosen_evaluation_counts_as_a_whole(make):
    overrides = ("evaluation.panels=2", "evaluation=stress")
    config = asked(make("evaluation.split=val"), *overrides)
    assert config.evaluation == compose_experiment(["logger=csv", *overrides]).config.evaluation


def test_where_and_how_fast_it_runs(make):
    run = make("paths.data=before", "trainer.accelerator=gpu", "trainer.max_epochs=3")
    config = asked(run, "trainer.accelerator=cpu", "data.num_workers=2", "logger.name=tensorboard")
    assert (config.trainer.accelerator, config.trainer.max_epochs) == ("cpu", 3)
    assert (config.data.num_workers, config.logger.name) == (2, "tensorboard")
    assert Path(config.data.root).parts[0] == "before"


def test_data_that_have_moved(make):
    moved, elsewhere = make("paths.data=before"), make("paths.data=before", "data.root=/mine")
    assert Path(asked(moved, "paths.data=after").data.root).parts[0] == "after"
    assert asked(elsewhere, "paths.data=after").data.root == "/mine"
    assert asked(moved, "data.root=here").data.root == "here"


def test_a_key_that_only_todays_evaluation_has_is_one_line(make):
    run = make("evaluation=segmentation", "model=fornet/fornet", "data=toy_streets")
    with pytest.raises(UserError, match=r"'evaluation\.deletion\.draws=3': .* have no 'deletion'"):
        asked(run, "evaluation.deletion.draws=3")


def test_only_a_finished_run_is_evaluated(make):
    with pytest.raises(UserError, match="is failed; only a finished run can be evaluated"):
        asked(make(status="failed"))


def test_data_are_built_once_however_many_runs_share_them(make, monkeypatch):
    """Breaks when runs of the same data each read, or generate, them anew."""
    built = []

    def build(config):
        built.append(config.data.batch_size)
        return object()

    monkeypatch.setattr(finished, "build_data", build)
    monkeypatch.setattr(finished, "load_model", lambda run, config, data, checkpoint: data)
    monkeypatch.setattr(finished, "Flow", lambda config, data, model, train: data)
    config = compose_experiment(["logger=csv"]).config
    other = replace(config, data=replace(config.data, batch_size=8))
    configs = [config, replace(config, seed=1), other, config, other]
    loaded = load_runs([make()] * 5, configs, "best")
    assert built == [config.data.batch_size, 8]
    assert [one.flow is loaded[0].flow for one in loaded] == [True, True, False, True, False]


def test_a_model_is_told_what_its_class_takes_of_what_the_data_say():
    """Breaks when a model must have a keyword for everything that any data module knows."""
    config = compose_experiment(["logger=csv", *TINY[:4]]).config
    data = SimpleNamespace(
        model_settings=lambda: {"num_classes": 3, "image_size": (16, 16), "thin_classes": ["pole"]}
    )
    assert build_model(config, data).head.out_features == 3


def test_the_baseline_of_a_run_is_the_one_that_its_paper_names(monkeypatch):
    """Breaks when one paper's name for its baseline is every paper's."""

    def loaded(variant: str, seed: int = 0) -> SimpleNamespace:
        model = SimpleNamespace(variant=variant, _target_="paper.Model")
        return SimpleNamespace(config=SimpleNamespace(seed=seed, data="data", model=model), model=variant)

    paper = Plugin("paper", "paper", baselines=("plainer", "plain"))
    monkeypatch.setattr(controls, "owner", lambda target: paper)
    monkeypatch.setattr(controls, "same_backbone", lambda first, second: True)
    every = [loaded("plain"), loaded("plain", 1), loaded("ours"), loaded("other")]
    wanted = {"baseline": None, "other": None, "none": None}
    assert controls.controls_of(every[2], every, wanted, "best") == {"baseline": "plain", "other": "other"}
