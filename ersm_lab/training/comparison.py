"""Several evaluated runs compared, in a folder of their own that names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ersm_lab.core.plugins import owner
from ersm_lab.core.schema import LoggerConfig
from ersm_lab.core.settings import plain
from ersm_lab.evaluation.arms import Member
from ersm_lab.evaluation.compare import compare
from ersm_lab.runs.directory import ComparisonDirectory, EvaluationDirectory
from ersm_lab.tracking import build_trackers, close_all, publish_all
from ersm_lab.tracking.schema import WandbConfig
from ersm_lab.training.finished import LoadedRun
from ersm_lab.training.measure import suite_of


def compare_runs(
    loaded: Sequence[LoadedRun], evaluations: Sequence[EvaluationDirectory], arms: Sequence[str | None]
) -> Path:
    """Compares the evaluations of these runs by the settings of the first; returns the folder of the comparison.

    arms: what each run is called; None: by its variant.
    """
    first = loaded[0]
    settings = first.config.evaluation
    comparison = ComparisonDirectory.create(
        Path(first.config.paths.outputs),
        first.run.record.paper,
        settings.name,
        [str(evaluation.path) for evaluation in evaluations],
        plain(settings),
    )
    members = [
        Member(arm or one.arm, one.config.seed, evaluation, owner(one.config.model._target_))
        for one, evaluation, arm in zip(loaded, evaluations, arms, strict=True)
    ]
    trackers = build_trackers(_as_comparison(first.config.logger), plain(first.config), first.run, comparison)
    status = "failed"
    try:
        summary = compare(suite_of(settings), members, comparison.artifacts, first.flow.data, settings.split)
        publish_all(trackers, comparison.artifacts, summary, [])
        comparison.finish("finished", summary=summary)
        status = "finished"
    except BaseException as error:
        comparison.finish("failed", error=f"{type(error).__name__}: {error}")
        raise
    finally:
        close_all(trackers, status)
    return comparison.path


def _as_comparison(logger: LoggerConfig) -> LoggerConfig:
    return replace(logger, job_type="compare") if isinstance(logger, WandbConfig) else logger
