"""Where the numbers of one run lie, and how they are read: summary, tables, counts, and on which data the run stands."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import SuiteSpec, merged
from ersm_lab.runs.directory import EvaluationDirectory, RunDirectory
from ersm_lab.runs.record import EvaluationRecord, RunRecord
from ersm_lab.runs.stored import StoredConfig, StoredData, StoredEvaluation

_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
_UNITS = ("index", "image", "picture", "name")  # what a line per image calls it, the surest first


@dataclass(frozen=True)
class Numbers:
    """The numbers of one run: its own, or those of one of its evaluations."""

    run: Path
    evaluation: Path | None = None

    @property
    def path(self) -> Path:
        return self.evaluation or self.run

    @property
    def record(self) -> RunRecord | EvaluationRecord:
        """Of the evaluation if there is one, of the run otherwise."""
        if self.evaluation:
            return EvaluationDirectory(self.evaluation).record
        return RunDirectory.open(self.run).record

    @property
    def data(self) -> StoredData:
        """The data that the run was trained on."""
        return self._config.data

    @property
    def measured(self) -> StoredEvaluation:
        """What was measured, and how."""
        if self.evaluation:
            return StoredEvaluation.of(EvaluationDirectory(self.evaluation).record.spec.get("evaluation"))
        return self._config.evaluation

    @property
    def study_seeds(self) -> int:
        """Seeds that the suite draws from within the run: 1 for one that knows of no others."""
        suites: Mapping[str, SuiteSpec] = merged("suites")
        spec = suites.get(self.measured.suite)
        drawn = self.measured.settings.get(spec.seeds) if spec else None
        return drawn if isinstance(drawn, int) else 1

    @property
    def _config(self) -> StoredConfig:
        return StoredConfig.of(RunDirectory.open(self.run).config)

    def number(self, key: str) -> float:
        """A number of the summary. Raises ``UserError`` when it is absent, or was not finite."""
        value = self.record.number(key)
        if value is None:
            raise UserError(f"{self.path} reports no number '{key}'")
        return value

    def table(self, name: str) -> pd.DataFrame:
        """The artifact ``name``. Raises ``UserError`` when it is absent or damaged."""
        file = self.path / "artifacts" / f"{name}.parquet"
        if not file.is_file():
            raise UserError(f"{self.path} has no table '{name}'")
        try:
            return pd.read_parquet(file)
        except _DAMAGED as error:
            raise UserError(f"{file} cannot be read: {error}") from error

    def per_image(self, table: str, column: str, where: Mapping[str, object]) -> pd.Series:
        """A column of a table by image, of the lines where other columns have the values ``where``.

        Raises
        ------
        UserError: the table lacks a column, or has none or several of these lines for an image.
        """
        frame = self.table(table)
        unit = next((name for name in _UNITS if name in frame), None)
        for name in (*where, column):
            if name not in frame or unit is None:
                lacks = name if unit else _UNITS[0]
                raise UserError(f"{self.path}: the table '{table}' has no column '{lacks}'")
        for name, value in where.items():
            frame = frame[frame[name] == value]
        series = frame.set_index(unit)[column].sort_index()
        if not len(series) or series.index.has_duplicates:
            what = "several lines" if len(series) else "no line"
            raise UserError(f"{self.path}: '{table}' where {dict(where)} has {what} per image")
        return series

    def counts(self, name: str) -> NDArray[np.float64]:
        """An array ``(images, ...)`` of the artifact ``counts``. Raises ``UserError`` when it is absent or damaged."""
        file = self.path / "artifacts" / "counts.npz"
        if not file.is_file():
            raise UserError(f"{self.path} has no counts of pixels (artifacts/counts.npz)")
        try:
            with np.load(file) as held:
                found: NDArray[np.float64] = held[name].astype(np.float64)
        except _DAMAGED as error:
            raise UserError(f"{file} cannot be read: {error}") from error
        return found
