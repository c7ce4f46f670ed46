"""A suite says before a training, and before finished runs are measured, whether it can measure a model on its data."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import load, merged, suite_spec
from ersm_lab.core.protocols import SegmentationModel, TokenClassifier, missing_member
from ersm_lab.data.labelled_pictures import LabelledPictureModule
from ersm_lab.evaluation.classifiers.models import has_features, has_tokens
from ersm_lab.evaluation.runner import Runner
from ersm_lab.evaluation.segmenters.inference import Segmenter
from ersm_lab.evaluation.segmenters.measuring import mask_ratios
from ersm_lab.evaluation.segmenters.settings import InferenceConfig
from ersm_lab.papers.ersm import ERSMClassifier
from ersm_lab.papers.slem import EntropyLearner
from ersm_lab.plan.planner import Planner
from ersm_lab.training.evaluate import evaluate_runs
from ersm_lab.training.run import train
from tests.conftest import TINY
from tests.evaluation.pictures import Pictures

NO_SEGMENTER = "evaluation.suite=segmentation needs a SegmentationModel, but {} has no 'segment'"


class Plain(pl.LightningModule):
    """A network as anybody writes one: images to logits per pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images)


class Logits(NamedTuple):
    logits: Tensor


class WithoutMasks(Plain):
    """A segmentation network that gives logits and nothing else."""

    image_size = (8, 8)

    @property
    def network(self) -> nn.Module:
        return self.layer

    def segment(self, images: Tensor) -> Logits:
        return Logits(self(images))


def accept(name: str, model: object, data: object) -> None:
    """Asks the suite of this name under its default settings."""
    spec = suite_spec(name)
    load(spec.target)().accept(model, data, load(spec.settings).of({"suite": name}))


def trained(*overrides: str):
    cell = Planner().plan(compose_experiment([*TINY, *overrides]))
    return train(cell.experiment, cell.identity)


def test_a_suite_that_cannot_measure_the_model_is_refused_before_the_first_step(lab, monkeypatch):
    def fit(*arguments: object, **keywords: object) -> None:
        pytest.fail("a step was taken")

    monkeypatch.setattr(pl.Trainer, "fit", fit)
    with pytest.raises(UserError, match=NO_SEGMENTER.format("ERSMClassifier")) as found:
        trained("evaluation=segmentation")
    assert "\n" not in str(found.value)


def test_finished_runs_are_refused_before_they_are_measured(lab):
    run = trained("trainer.max_epochs=1")
    words = ["evaluation=segmentation", "logger=csv"]
    with pytest.raises(UserError, match=NO_SEGMENTER.format("ERSMClassifier")):
        evaluate_runs([run.path], compose_experiment(words).config, words[:1])


def test_a_plain_network_gets_a_line_that_names_what_it_lacks():
    with pytest.raises(UserError, match=NO_SEGMENTER.format("Plain")) as found:
        accept("segmentation", Plain(), Pictures())
    assert "\n" not in str(found.value)
    assert str(found.value).endswith("(see ersm_lab.core.protocols.SegmentationModel)")


def test_a_segmenter_needs_data_with_a_label_per_pixel():
    with pytest.raises(UserError, match="needs a SceneModule, but Pictures has no 'train_dataloader'"):
        accept("segmentation", WithoutMasks(), Pictures())


def test_masks_are_asked_only_of_networks_that_have_them():
    runner = Runner(WithoutMasks(), torch.device("cpu"))
    found = Segmenter(runner, InferenceConfig())(torch.zeros(1, 3, 8, 8))
    assert (found.importance, found.masks, mask_ratios(runner.model)) == (None, [], ())


def test_a_module_that_cannot_be_called_is_no_classifier():
    data = LabelledPictureModule("digits", str(Path("nowhere")))
    data.classes, data.has_masks = ["one"], False
    with pytest.raises(UserError, match="needs a classifier, but EntropyLearner has no 'forward'"):
        accept("classification", EntropyLearner(), data)


@pytest.mark.parametrize("name", [name for name in merged("suites") if name.startswith("slem")])
def test_suites_of_slem_ask_for_its_learner_and_their_kind_of_data(name: str):
    with pytest.raises(UserError, match=f"evaluation.suite={name} is for runs of SLEM, not of Plain"):
        accept(name, Plain(), Pictures())
    with pytest.raises(UserError, match=f"evaluation.suite={name} (is for pictures|needs labels): use data="):
        accept(name, EntropyLearner(), Pictures())


def test_the_first_missing_member_is_named():
    assert missing_member(WithoutMasks(), SegmentationModel) is None
    assert missing_member(Plain(), SegmentationModel) == "segment"
    assert missing_member(Plain(), TokenClassifier) == "backbone"
    assert missing_member(object(), SegmentationModel) == "to"


def test_submodules_are_members_of_a_protocol_under_every_python():
    """Breaks when a model's backbone, which torch keeps among its submodules, is overlooked."""
    model = ERSMClassifier(3, (16, 16), backbone={"name": "resnet18"})
    assert "backbone" not in vars(model)
    assert has_features(model)
    assert has_tokens(model)
    assert not has_features(Plain())
