"""One trained model, measured by the suite of its evaluation: at the end of training as years later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl

from ersm_lab.core.plugins import load, suite_spec
from ersm_lab.core.protocols import DataModule, Summary
from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.evaluation.subject import Subject
from ersm_lab.evaluation.suite import Suite
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.training.data_flow import Flow


def evaluate_model(
    flow: Flow, model: pl.LightningModule, settings: EvaluationConfig, store: ArtifactStore
) -> Summary:
    """Runs the suite of ``settings`` on a model and writes its artifacts; returns its summary, ``<split>/<metric>``."""
    (summary,) = suite_of(settings).evaluate([subject_of(flow, model, settings, store, {})])
    return summary


def suite_of(settings: EvaluationConfig) -> Suite[Any, Any, Any]:
    """The suite that these settings name; which models and data it takes is its own."""
    suite: Suite[Any, Any, Any] = load(suite_spec(settings.suite).target)()
    return suite


def subject_of(
    flow: Flow,
    model: pl.LightningModule,
    settings: EvaluationConfig,
    store: ArtifactStore,
    others: Mapping[str, pl.LightningModule],
) -> Subject[EvaluationConfig, pl.LightningModule, DataModule]:
    """What a suite is given of one model: itself, the split that is measured, a place for artifacts, and models of ``others``."""
    return Subject(
        runner=flow.runner(model),
        batches=flow.eval_loader(settings.split, rank_share=False),
        data=flow.data,
        split=settings.split,
        settings=settings,
        store=store,
        others=others,
        seed=flow.config.seed,
    )
