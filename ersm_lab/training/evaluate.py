"""Evaluation of a checkpoint: the same code at the end of training and years later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from ersm_lab.errors import UserError
from ersm_lab.evaluation.subject import Subject
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.tracking import build_trackers, close_all, publish_all
from ersm_lab.training.build import build_data, build_model
from ersm_lab.training.data_flow import Flow


def load_checkpoint(model: Any, checkpoint: Path) -> None:
    """Loads the weights of a run's checkpoint, with ``weights_only``; another architecture is a ``UserError``."""
    if not checkpoint.is_file():
        raise UserError(f"no checkpoint {checkpoint}: was the training stopped before its first validation?")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        first = str(error).strip().splitlines()[1 if "\n" in str(error) else 0].strip()
        raise UserError(
            f"{checkpoint} is of another architecture than the configuration's model: {first[:160]}"
        ) from error


def evaluate_model(flow: Flow, model: Any, settings: Mapping[str, Any], store: Any) -> dict[str, Any]:
    """Runs the suite of ``settings`` on a loaded model; returns its summary, ``<split>/<metric>``."""
    suite = import_module(f"ersm_lab.evaluation.{settings['suite']}")
    batches = flow.eval_loader(settings["split"], rank_share=False)
    subject = Subject(flow.runner(model), batches, flow.data, settings["split"], dict(settings), store)
    summary: dict[str, Any] = suite.evaluate(subject)
    return summary


def evaluate_run(
    folder: str | Path, composed: Mapping[str, Any], overrides: Sequence[str]
) -> tuple[Path, dict[str, Any]]:
    """Evaluates a finished run into ``<run>/evaluations/<name>-<hash>/``; the training record stays as it is.

    Parameters
    ----------
    folder: the run directory.
    composed: a configuration composed under ``overrides``; its ``evaluation`` counts when an override touches it, the
        run's own otherwise.
    overrides: of ``evaluation``, and of where and how fast it runs.
    """
    run = RunDirectory.open(Path(folder))
    config: dict[str, Any] = dict(run.config)
    config["paths"] = composed["paths"]
    if any(word.lstrip("+~").startswith("evaluation") for word in overrides):
        config["evaluation"] = composed["evaluation"]
    for word in overrides:
        group, _, key = word.lstrip("+~").partition("=")[0].partition(".")
        if group in ("trainer", "data"):
            config[group] = {**config[group], key: composed[group][key]}
    settings = config["evaluation"]
    # the run's own checkpoint holds the backbone too: where it once came from no longer matters
    backbone = config["model"].get("backbone")
    if backbone:
        own = {"checkpoint": None, "pretrained": False, "from_experiment": None}
        config["model"] = {**config["model"], "backbone": {**backbone, **own}}
    evaluation = run.evaluation(settings["name"], {"evaluation": settings, "data": config["data"]})
    trackers = build_trackers(config, run, evaluation)
    status = "failed"
    try:
        with evaluation.heartbeats():
            data = build_data(config)
            model = build_model(config, data)
            load_checkpoint(model, run.checkpoints / f"{settings['checkpoint']}.ckpt")
            summary = evaluate_model(Flow(config, data, model), model, settings, evaluation.artifacts)
            status = "finished"
            publish_all(trackers, evaluation.artifacts, summary, [])
            evaluation.finish("finished", summary=summary)
    except BaseException as error:
        evaluation.finish("failed", error=f"{type(error).__name__}: {error}")
        raise
    finally:
        close_all(trackers, status)
    return evaluation.path, summary
