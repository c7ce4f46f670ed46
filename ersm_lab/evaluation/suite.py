"""The base of suites: what is measured on finished runs, one at a time or side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic

import pandas as pd

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import DataModule, Model, Summary, missing_member
from ersm_lab.evaluation.arms import Arms
from ersm_lab.evaluation.runner import ModelT
from ersm_lab.evaluation.subject import DataT, SettingsT, Subject
from ersm_lab.runs.artifacts import ArtifactStore


class Suite(Generic[SettingsT, ModelT, DataT]):
    """Measures trained models. A subclass writes ``measure``, or ``evaluate`` where models share work; and ``compare``
    where runs can be told apart by more than the means of their summaries.

    The three types are those of its subjects: settings, model, data module. A plug-in names the class in its ``suites`` as
    ``module:Class``; it is made without arguments. ``models`` and ``data_modules`` are the protocols that ``accept`` asks for.
    """

    models: ClassVar[type] = Model
    data_modules: ClassVar[type] = DataModule

    def accept(self, model: object, data: object, settings: SettingsT) -> None:
        """Asked before the first step of a training, and before finished runs are measured; ``data`` is set up.

        Raises ``UserError`` with a line that names the class and what it lacks, where the suite can measure nothing.
        """
        require(model, self.models, settings.suite)
        require(data, self.data_modules, settings.suite)

    def controls(self, settings: SettingsT) -> Mapping[str, str | None]:
        """Other models that measuring a subject needs, by role: their run directories, or None for a run of that variant with
        the subject's seed, data and backbone among the others. They come as ``Subject.others``."""
        return {}

    def evaluate(self, subjects: Sequence[Subject[SettingsT, ModelT, DataT]]) -> list[Summary]:
        """Writes each subject's artifacts into its store, and returns a summary per subject, ``<split>/<metric>``.

        Raises ``UserError`` for a model or data of which the suite can measure nothing.
        """
        return [self.measure(subject) for subject in subjects]

    def measure(self, subject: Subject[SettingsT, ModelT, DataT]) -> Summary:
        """As ``evaluate``, for one subject."""
        raise NotImplementedError

    def compare(self, arms: Arms, store: ArtifactStore, data: DataT, split: str) -> pd.DataFrame:
        """How evaluated runs differ: rows of the table ``differences`` (see ``ersm_lab.evaluation.compare``).

        Reads what ``evaluate`` has written of each run, and draws figures of several runs into ``store``. Further tables
        of differences have names that end in ``differences``. Without runs that hold the numbers there are no rows.
        """
        return pd.DataFrame()


def require(thing: object, protocol: type, suite: str) -> None:
    """Raises ``UserError`` where ``thing`` lacks a member of the protocol that the suite of this name reads."""
    missing = missing_member(thing, protocol)
    if missing is not None:
        raise UserError(
            f"evaluation.suite={suite} needs a {protocol.__name__}, but {type(thing).__name__} has no {missing!r} "
            f"(see {protocol.__module__}.{protocol.__name__})"
        )
