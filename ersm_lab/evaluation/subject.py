"""What a suite is given: a trained model, one split of its data, and a place for artifacts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ersm_lab.evaluation.runner import Runner


@dataclass(frozen=True)
class Subject:
    """One model on one split.

    Attributes
    ----------
    runner: the model on its device.
    batches: the split in order, whole, as batch dictionaries (``image`` or ``features``, ``label``, ``index``, ``mask``).
    data: the data module; ``data.<split>`` gives raw pictures, masks and names.
    split: ``val`` or ``test``.
    settings: the ``evaluation`` group of the configuration.
    store: the artifact store of the run or of the evaluation.
    """

    runner: Runner
    batches: Iterable[dict[str, Any]]
    data: Any
    split: str
    settings: dict[str, Any]
    store: Any
