"""What a suite is given: trained models, one split of their data, and a place for artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ersm_lab.core.protocols import Batch, DataModule
from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.evaluation.runner import ModelT, Runner
from ersm_lab.runs.artifacts import ArtifactStore

SettingsT = TypeVar("SettingsT", bound=EvaluationConfig)
DataT = TypeVar("DataT", bound=DataModule)


@dataclass(frozen=True)
class Subject(Generic[SettingsT, ModelT, DataT]):
    """One model on one split.

    Attributes
    ----------
    runner: the model on its device.
    batches: the split in order, whole, as batch dictionaries (``image`` or ``features``, ``label``, ``index``, ``mask``).
    data: the data module; ``data.split(split)`` gives raw pictures, masks and names.
    split: ``val`` or ``test``.
    settings: the ``evaluation`` group of the configuration.
    store: the artifact store of the run or of the evaluation.
    others: models of the same features by role, where they are known.
    seed: of the training; subjects of one seed make pairs.
    """

    runner: Runner[ModelT]
    batches: Iterable[Batch]
    data: DataT
    split: str
    settings: SettingsT
    store: ArtifactStore
    others: Mapping[str, ModelT] = field(default_factory=dict)
    seed: int = 0
