"""Evaluation of finished runs: each into a folder of its own, and several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ersm_lab.config.schema import RunConfig
from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Summary
from ersm_lab.core.settings import plain
from ersm_lab.runs.directory import EvaluationDirectory, RunDirectory
from ersm_lab.tracking import build_trackers, close_all, publish_all
from ersm_lab.training.comparison import compare_runs
from ersm_lab.training.controls import controls_of
from ersm_lab.training.finished import LoadedRun, evaluation_config, load_runs
from ersm_lab.training.measure import subject_of, suite_of


def evaluate_runs(
    folders: Sequence[str | Path],
    composed: RunConfig,
    overrides: Sequence[str],
    arms: Sequence[str | None] | None = None,
) -> tuple[list[tuple[Path, Summary]], Path | None]:
    """Evaluates finished runs, each into its ``evaluations/<name>-<hash>/``; training records stay as they are.

    Several runs are compared too: on the same images, in pairs of the same seed, in a folder of their own that names them.
    Models that a suite borrows are then found among them by variant and seed.

    Parameters
    ----------
    folders: run directories.
    composed, overrides: see ``ersm_lab.training.finished.evaluation_config``.
    arms: what the comparison calls each run, such as its row in a table; None: the variant of its model.

    Returns the folder and the summary of every evaluation, and the folder of the comparison (None for one run).

    Raises
    ------
    UserError: a run that is not finished, or runs of different suites.
    """
    runs = [RunDirectory.open(folder) for folder in folders]
    configs = [evaluation_config(run, composed, overrides) for run in runs]
    suites = {config.evaluation.suite for config in configs}
    if len(suites) > 1:
        raise UserError(
            f"runs of different evaluations ({', '.join(sorted(suites))}): choose one, evaluation=NAME"
        )
    evaluations = [_directory(run, config) for run, config in zip(runs, configs, strict=True)]
    try:
        with ExitStack() as stack:
            for evaluation in evaluations:
                stack.enter_context(evaluation.heartbeats())
            loaded = load_runs(runs, configs, configs[0].evaluation.checkpoint)
            summaries = _evaluate(loaded, evaluations)
    except BaseException as error:
        for evaluation in evaluations:
            if evaluation.status == "running":
                evaluation.finish("failed", error=f"{type(error).__name__}: {error}")
        raise
    found = [(evaluation.path, summary) for evaluation, summary in zip(evaluations, summaries, strict=True)]
    return found, compare_runs(loaded, evaluations, arms or [None] * len(runs)) if len(runs) > 1 else None


def _directory(run: RunDirectory, config: RunConfig) -> EvaluationDirectory:
    spec = {"evaluation": plain(config.evaluation), "data": plain(config.data)}
    return run.evaluation(config.evaluation.name, spec)


def _evaluate(loaded: Sequence[LoadedRun], evaluations: Sequence[EvaluationDirectory]) -> list[Summary]:
    """Measures all runs by the settings of the first, and publishes what came out."""
    settings = loaded[0].config.evaluation
    suite = suite_of(settings)
    for one in loaded:
        suite.accept(one.model, one.flow.data, settings)
    subjects = []
    for one, evaluation in zip(loaded, evaluations, strict=True):
        others = controls_of(one, loaded, suite.controls(one.config.evaluation), settings.checkpoint)
        subjects.append(subject_of(one.flow, one.model, settings, evaluation.artifacts, others))
    summaries = suite.evaluate(subjects)
    for one, evaluation, summary in zip(loaded, evaluations, summaries, strict=True):
        trackers = build_trackers(one.config.logger, plain(one.config), one.run, evaluation)
        status = "failed"
        try:
            publish_all(trackers, evaluation.artifacts, summary, [])
            evaluation.finish("finished", summary=summary)
            status = "finished"
        finally:
            close_all(trackers, status)
    return summaries
