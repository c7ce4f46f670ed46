"""What a page shows of one run: record, flat configuration, summaries, and where its tables and figures lie."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Scalar
from ersm_lab.runs.artifacts import Artifact, ArtifactStore
from ersm_lab.runs.directory import EvaluationDirectory, RunDirectory
from ersm_lab.runs.record import RunRecord, Summary
from ersm_lab.runs.stored import read_config

TRAINING = "training"
UNREADABLE = "unreadable"


@dataclass
class RunView:
    """A run as read from its folder; what could not be read is in ``notes``, one line each.

    ``config`` maps dotted keys to scalars (lists as JSON text); ``summary`` metrics to numbers. An evaluation's metrics
    are named ``<evaluation>: <metric>``. ``sources`` maps ``training`` and the folders of evaluations to artifacts.
    """

    path: Path
    record: RunRecord
    status: str
    config: dict[str, Scalar] = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    sources: dict[str, dict[str, Artifact]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def experiment(self) -> str:
        """``<paper>/<experiment>``."""
        return "/".join(name for name in (self.record.paper, self.record.experiment) if name)

    @property
    def started(self) -> str:
        """When, in UTC, to the millisecond; its name says so to the second."""
        return self.record.timings.started

    @property
    def said(self) -> list[str]:
        """The keys that somebody set when the run was started."""
        return [word.lstrip("+~").partition("=")[0] for word in self.record.overrides]

    @classmethod
    def read(cls, run: RunDirectory) -> RunView:
        """Everything but curves and pictures. A damaged part is left out and noted."""
        record = run.record
        view = cls(run.path, record, run.status)
        view.notes += [f"{run.path}: run.json has an odd '{key}'" for key in record.odd]
        try:
            view.config = dict(_flat(read_config(run.path)))
        except (OSError, ValueError):
            view.notes.append(f"{run.path}: config.yaml cannot be read")
        view.summary = _numbers(record.summary)
        view._index(TRAINING, run.artifacts)
        for folder in sorted((run.path / "evaluations").glob("*/")):
            try:
                evaluation = EvaluationDirectory(folder)
                if evaluation.record.status != "finished":
                    continue
                found = _numbers(evaluation.record.summary)
            except (OSError, ValueError):
                view.notes.append(f"{folder}: no readable evaluation.json")
                continue
            view.summary.update({f"{folder.name}: {key}": value for key, value in found.items()})
            view._index(folder.name, evaluation.artifacts)
        return view

    def _index(self, source: str, store: ArtifactStore) -> None:
        try:
            # of a table and a figure of one name the figure is shown; the table lies beside it
            found = sorted(store.entries(), key=lambda entry: entry.kind == "figure")
            self.sources[source] = {entry.name: entry for entry in found}
        except (OSError, ValueError, KeyError, TypeError):
            self.notes.append(f"{store.path}: index.json cannot be read")

    def table(self, source: str, name: str) -> Path | None:
        """The CSV file of a table that the index names and that is there.

        A figure may have its table's name: the table then lies beside it.
        """
        entry = self.sources[source].get(name)
        path = entry.paths[0].with_name(f"{name}.csv") if entry and entry.paths else None
        return path if path and path.is_file() else None


def read_view(path: Path) -> RunView:
    """The view of a run's folder; one whose record cannot be read is listed as ``unreadable``."""
    try:
        return RunView.read(RunDirectory.open(path))
    except UserError as error:
        why = str(error)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        why = f"{path}: run.json cannot be read"
    paper, experiment = ("", "", *path.resolve().parts)[-3:-1]
    return RunView(path, RunRecord(paper=paper, experiment=experiment), UNREADABLE, notes=[why])


def _numbers(summary: Summary) -> dict[str, float]:
    return {k: v for k, v in summary.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}


def _flat(config: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, Scalar]]:
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name}.")
        elif isinstance(value, (list, dict)):
            yield name, json.dumps(value, default=str)
        else:
            odd = isinstance(value, float) and not math.isfinite(value)  # JSON knows no infinity
            yield (
                name,
                value if isinstance(value, (bool, int, float, str, NoneType)) and not odd else str(value),
            )
