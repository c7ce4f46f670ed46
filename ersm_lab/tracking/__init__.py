"""Trackers show what a run directory holds; a run never depends on one.

``build_trackers`` makes them, ``publish_all`` gives them the results, ``close_all`` ends them. Whatever a
tracker raises becomes one line of warning. Nothing here imports W&B or TensorBoard before it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ersm_lab.core.errors import UserError, kind_and_message
from ersm_lab.core.protocols import Scalar
from ersm_lab.core.schema import TRACKERS, LoggerConfig
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.runs.directory import ComparisonDirectory, EvaluationDirectory, RunDirectory
from ersm_lab.tracking.guard import say
from ersm_lab.tracking.schema import WandbConfig

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

__all__ = ["Tracker", "build_trackers", "close_all", "publish_all"]


class Tracker(Protocol):
    """A view of one run. ``lightning_logger`` takes the history while the trainer runs; the rest is for the end of the run."""

    @property
    def name(self) -> str: ...
    @property
    def lightning_logger(self) -> Logger | None: ...

    def publish(
        self, artifacts: ArtifactStore, summary: Mapping[str, Scalar], checkpoints: Sequence[Path]
    ) -> None:
        """Shows the results: artifacts, summary metrics, checkpoint files."""

    def close(self, status: str) -> None:
        """Ends the tracker; ``status`` is ``finished`` or ``failed``."""


def build_trackers(
    settings: LoggerConfig,
    shown: Mapping[str, object],
    run: RunDirectory,
    evaluation: EvaluationDirectory | ComparisonDirectory | None = None,
) -> list[Tracker]:
    """``metrics.csv`` first, then the tracker that ``settings`` name.

    Parameters
    ----------
    settings: the group ``logger``; its name is ``wandb``, ``tensorboard`` or ``csv`` (no further tracker).
    shown: the whole configuration as plain containers, which dashboards show as it is.
    run: what is tracked.
    evaluation: what is tracked in its place, when a finished run is evaluated: no history then, and the tracker's files
        lie in the folder of the evaluation.

    Raises
    ------
    UserError: an unknown tracker, or one whose package is missing. Any other failure costs that tracker only.
    """
    trackers: list[Tracker] = []
    if evaluation is None:
        from ersm_lab.tracking.metrics_file import MetricsFile

        trackers.append(MetricsFile(run.metrics_path))
    try:
        chosen = _chosen(settings, shown, run, evaluation)
    except UserError:
        raise
    except Exception as error:
        say(
            f"warning: {settings.name} cannot be used, the run goes on without it ({kind_and_message(error)})"
        )
        chosen = None
    return trackers if chosen is None else [*trackers, chosen]


def _chosen(
    settings: LoggerConfig,
    shown: Mapping[str, object],
    run: RunDirectory,
    evaluation: EvaluationDirectory | ComparisonDirectory | None,
) -> Tracker | None:
    if isinstance(settings, WandbConfig):
        if settings.mode == "disabled":
            return None
        from ersm_lab.tracking.wandb import WandbTracker

        return WandbTracker(settings, shown, run, evaluation)
    if settings.name == "tensorboard":
        from ersm_lab.tracking.tensorboard import TensorBoardTracker

        return TensorBoardTracker(shown, run, evaluation)
    if settings.name != "csv":
        raise UserError(f"logger.name is '{settings.name}', but must be one of {', '.join(TRACKERS)}")
    return None


def publish_all(
    trackers: Sequence[Tracker],
    artifacts: ArtifactStore,
    summary: Mapping[str, Scalar],
    checkpoints: Sequence[Path],
) -> None:
    """Gives every tracker the results; one that fails costs a line."""
    for tracker in trackers:
        try:
            tracker.publish(artifacts, dict(summary), list(checkpoints))
        except Exception as error:
            say(
                f"warning: {tracker.name}: publishing failed, the run directory has all ({kind_and_message(error)})"
            )


def close_all(trackers: Sequence[Tracker], status: str) -> None:
    """Ends every tracker; one that fails costs a line."""
    for tracker in trackers:
        try:
            tracker.close(status)
        except Exception as error:
            say(f"warning: {tracker.name}: closing failed ({kind_and_message(error)})")
