"""Trackers show what a run directory holds; a run never depends on one.

``build_trackers`` makes them, ``publish_all`` gives them the results, ``close_all`` ends them. Whatever a
tracker raises becomes one line of warning. Nothing here imports W&B or TensorBoard before it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ersm_lab.core.errors import UserError
from ersm_lab.tracking.guard import one_line, say

__all__ = ["Tracker", "build_trackers", "close_all", "publish_all"]


class Tracker(Protocol):
    """``lightning_logger`` takes the history while the trainer runs; the rest is for the end of the run."""

    name: str
    lightning_logger: Any

    def publish(self, artifacts: Any, summary: dict[str, Any], checkpoints: list[Path]) -> None:
        """Shows the results: entries of an ``ArtifactStore``, summary metrics, checkpoint files."""

    def close(self, status: str) -> None:
        """Ends the tracker; ``status`` is ``finished`` or ``failed``."""


def build_trackers(config: Mapping[str, Any], run: Any, evaluation: Any = None) -> list[Tracker]:
    """``metrics.csv`` first, then the tracker that ``config["logger"]`` names.

    Parameters
    ----------
    config: the resolved configuration; ``logger.name`` is ``wandb``, ``tensorboard`` or ``csv`` (no more).
    run: the ``RunDirectory``.
    evaluation: the ``EvaluationDirectory`` when a finished run is evaluated: no history then, and the files
        of the tracker lie in the evaluation's folder.

    Raises
    ------
    UserError: an unknown tracker, or one whose package is missing. Any other failure costs that tracker only.
    """
    trackers: list[Tracker] = []
    if evaluation is None:
        from ersm_lab.tracking.metrics_file import MetricsFile

        trackers.append(MetricsFile(run.metrics_path))
    name = config["logger"]["name"]
    try:
        if name == "wandb":
            if config["logger"]["mode"] != "disabled":
                from ersm_lab.tracking.wandb import WandbTracker

                trackers.append(WandbTracker(config, run, evaluation))
        elif name == "tensorboard":
            from ersm_lab.tracking.tensorboard import TensorBoardTracker

            trackers.append(TensorBoardTracker(config, run, evaluation))
        elif name != "csv":
            raise UserError(f"logger.name is '{name}', but must be one of wandb, tensorboard, csv")
    except UserError:
        raise
    except Exception as error:
        say(f"warning: {name} cannot be used, the run goes on without it ({one_line(error)})")
    return trackers


def publish_all(
    trackers: Sequence[Tracker], artifacts: Any, summary: Mapping[str, Any], checkpoints: Sequence[Path]
) -> None:
    """Gives every tracker the results; one that fails costs a line."""
    for tracker in trackers:
        try:
            tracker.publish(artifacts, dict(summary), list(checkpoints))
        except Exception as error:
            say(f"warning: {tracker.name}: publishing failed, the run directory has all ({one_line(error)})")


def close_all(trackers: Sequence[Tracker], status: str) -> None:
    """Ends every tracker; one that fails costs a line."""
    for tracker in trackers:
        try:
            tracker.close(status)
        except Exception as error:
            say(f"warning: {tracker.name}: closing failed ({one_line(error)})")
