"""Evaluation of a checkpoint: the same code at the end of training and years later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ersm_lab.config.schema import RunConfig
from ersm_lab.config.typed import typed_config
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import load, owner, suite_spec
from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.core.settings import plain
from ersm_lab.evaluation.arms import Member
from ersm_lab.evaluation.classifiers.models import same_backbone
from ersm_lab.evaluation.compare import compare
from ersm_lab.evaluation.subject import Subject
from ersm_lab.evaluation.suite import Suite
from ersm_lab.runs.directory import ComparisonDirectory, EvaluationDirectory, RunDirectory
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
    summary: dict[str, Any] = _suite(settings).evaluate([_subject(flow, model, settings, store, {})])[0]
    return summary


def evaluate_runs(
    folders: Sequence[str | Path], composed: Mapping[str, Any], overrides: Sequence[str]
) -> tuple[list[tuple[Path, dict[str, Any]]], Path | None]:
    """Evaluates finished runs, each into its ``evaluations/<name>-<hash>/``; training records stay as they are.

    Several runs are compared too: on the same images, in pairs of the same seed, in a folder of their own that names them.
    The control models of the deletion protocol are then found among them by variant and seed.

    Parameters
    ----------
    folders: run directories.
    composed: a configuration composed under ``overrides``; its ``evaluation`` counts as a whole when an override chooses one,
        its keys that overrides touch otherwise, on top of each run's own.
    overrides: of ``evaluation``, and of where and how fast it runs.

    Returns the folder and the summary of every evaluation, and the folder of the comparison (None for one run).
    """
    runs = [RunDirectory.open(Path(folder)) for folder in folders]
    configs = [_config_of(run, composed, overrides) for run in runs]
    suites = {config["evaluation"]["suite"] for config in configs}
    if len(suites) > 1:
        raise UserError(
            f"runs of different evaluations ({', '.join(sorted(suites))}): choose one, evaluation=NAME"
        )
    evaluations = [
        run.evaluation(
            config["evaluation"]["name"],
            {"evaluation": plain(config["evaluation"]), "data": plain(config["data"])},
        )
        for run, config in zip(runs, configs, strict=True)
    ]
    try:
        summaries = _evaluate(runs, configs, evaluations)
    except BaseException as error:
        for evaluation in evaluations:
            if evaluation.status == "running":
                evaluation.finish("failed", error=f"{type(error).__name__}: {error}")
        raise
    found = [(evaluation.path, summary) for evaluation, summary in zip(evaluations, summaries, strict=True)]
    if len(runs) == 1:
        return found, None
    return found, _compare(runs, configs, evaluations)


def _config_of(run: RunDirectory, composed: Mapping[str, Any], overrides: Sequence[str]) -> RunConfig:
    if run.status != "finished":
        raise UserError(f"{run.path} is {run.status}; only a finished run can be evaluated")
    config: dict[str, Any] = dict(run.config)
    composed = plain(composed)
    config["paths"] = composed["paths"]
    if any(word.startswith("evaluation=") for word in overrides):
        config["evaluation"] = composed["evaluation"]
    for word in overrides:
        if word.lstrip("+~").startswith("evaluation."):
            path = word.lstrip("+~").partition("=")[0].split(".")[1:]
            config["evaluation"] = _with(config["evaluation"], composed["evaluation"], path)
        group, _, key = word.lstrip("+~").partition("=")[0].partition(".")
        if group == "logger":
            config["logger"] = composed["logger"]
        elif (group, key) == ("paths", "data"):
            config["data"] = {**config["data"], "root": _moved(run.config, composed["paths"]["data"])}
        elif group in ("trainer", "data"):
            config[group] = {**config[group], key: composed[group][key]}
    # the run's own checkpoint holds the backbone too: where it once came from no longer matters
    backbone = config["model"].get("backbone")
    if backbone:
        own = {"checkpoint": None, "pretrained": False, "from_experiment": None}
        config["model"] = {**config["model"], "backbone": {**backbone, **own}}
    return typed_config(config, str(run.path / "config.yaml"))


def _moved(config: Mapping[str, Any], folder: str) -> str:
    """The root of the run's data where all data have moved to ``folder``; one that lay elsewhere stays."""
    root, before = Path(config["data"]["root"]), Path(config["paths"]["data"])
    return str(Path(folder) / root.relative_to(before)) if root.is_relative_to(before) else str(root)


def _with(own: Mapping[str, Any], other: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """``own`` with the entry at ``path`` of ``other``, or without it where ``other`` has none."""
    key, *rest = path
    if key not in other:
        return {name: value for name, value in own.items() if name != key}
    if rest and isinstance(own.get(key), Mapping) and isinstance(other[key], Mapping):
        return {**own, key: _with(own[key], other[key], rest)}
    return {**own, key: other[key]}


def _evaluate(
    runs: Sequence[RunDirectory],
    configs: Sequence[dict[str, Any]],
    evaluations: Sequence[EvaluationDirectory],
) -> list[dict[str, Any]]:
    settings = configs[0]["evaluation"]
    suite = _suite(settings)
    with ExitStack() as stack:
        for evaluation in evaluations:
            stack.enter_context(evaluation.heartbeats())
        flows: dict[str, Any] = {}
        loaded = []
        for run, config in zip(runs, configs, strict=True):
            key = repr(config["data"])
            data = flows.setdefault(key, build_data(config))
            model = build_model(config, data)
            load_checkpoint(model, run.checkpoints / f"{settings['checkpoint']}.ckpt")
            loaded.append((Flow(config, data, model, train=False), model.eval()))
        subjects = []
        for place, ((flow, model), evaluation) in enumerate(zip(loaded, evaluations, strict=True)):
            others = _controls(suite, place, configs, [model for _, model in loaded], flow)
            subjects.append(_subject(flow, model, settings, evaluation.artifacts, others))
        summaries = suite.evaluate(subjects)
        for run, config, evaluation, summary in zip(runs, configs, evaluations, summaries, strict=True):
            trackers = build_trackers(config, run, evaluation)
            status = "failed"
            try:
                publish_all(trackers, evaluation.artifacts, summary, [])
                evaluation.finish("finished", summary=summary)
                status = "finished"
            finally:
                close_all(trackers, status)
    return summaries


def _subject(
    flow: Flow, model: Any, settings: Mapping[str, Any], store: Any, others: Mapping[str, Any]
) -> Subject:
    batches = flow.eval_loader(settings["split"], rank_share=False)
    return Subject(
        flow.runner(model),
        batches,
        flow.data,
        settings["split"],
        settings,
        store,
        others,
        int(flow.config["seed"]),
    )


def _suite(settings: EvaluationConfig) -> Suite[Any, Any, Any]:
    found = load(suite_spec(settings.suite).target)
    if not isinstance(found, type):  # until every paper's suites are classes
        found = type("FunctionSuite", (Suite,), {"evaluate": staticmethod(found)})
    suite: Suite[Any, Any, Any] = found()
    return suite


def _controls(
    suite: Suite[Any, Any, Any],
    place: int,
    configs: Sequence[Mapping[str, Any]],
    models: Sequence[Any],
    flow: Flow,
) -> dict[str, Any]:
    """The models that a suite borrows: named in its settings, or of the same seed, data and backbone among the runs."""
    found: dict[str, Any] = {}
    config = configs[place]
    for role, folder in suite.controls(config["evaluation"]).items():
        if folder:
            run = RunDirectory.open(Path(folder))
            own = typed_config({**run.config, "paths": plain(config["paths"])})
            own["model"]["backbone"].update(checkpoint=None, pretrained=False, from_experiment=None)
            model = build_model(own, flow.data)
            load_checkpoint(model, run.checkpoints / f"{config['evaluation']['checkpoint']}.ckpt")
            found[role] = model.eval()
            continue
        for other, model in zip(configs, models, strict=True):
            same = all(other[key] == config[key] for key in ("seed", "data"))
            if same and other["model"].get("variant") == role and same_backbone(model, models[place]):
                found[role] = model
                break
    for role, model in found.items():
        if not same_backbone(model, models[place]):
            raise UserError(
                f"evaluation.deletion.controls.{role}: that run has another backbone; it says nothing here"
            )
    return found


def _compare(
    runs: Sequence[RunDirectory],
    configs: Sequence[Mapping[str, Any]],
    evaluations: Sequence[EvaluationDirectory],
) -> Path:
    settings = configs[0]["evaluation"]
    inputs = [str(evaluation.path) for evaluation in evaluations]
    comparison = ComparisonDirectory.create(
        Path(configs[0]["paths"]["outputs"]),
        runs[0].record.paper,
        settings["name"],
        inputs,
        plain(settings),
    )
    members = [
        Member(
            str(config["model"].get("variant") or run.record.experiment),
            int(config["seed"]),
            evaluation,
            owner(config["model"]["_target_"]),
        )
        for run, config, evaluation in zip(runs, configs, evaluations, strict=True)
    ]
    first = configs[0]
    if hasattr(first.logger, "job_type"):
        first = replace(first, logger=replace(first.logger, job_type="compare"))
    trackers = build_trackers(first, runs[0], comparison)
    status = "failed"
    try:
        summary = compare(
            _suite(settings), members, comparison.artifacts, build_data(first), settings["split"]
        )
        publish_all(trackers, comparison.artifacts, summary, [])
        comparison.finish("finished", summary=summary)
        status = "finished"
    except BaseException as error:
        comparison.finish("failed", error=f"{type(error).__name__}: {error}")
        raise
    finally:
        close_all(trackers, status)
    return comparison.path
