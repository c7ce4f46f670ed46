"""What the words after ``ersm-lab slem`` ask for (no torch, no numba)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from ersm_lab.papers.slem.schema import SLEMConfig

_NOT_LEARNT_WITH = ("_target_", "variant", "workers", "keep_mib", "seed")  # the seed is the root's
LEARNT_WITH = (
    *(field.name for field in dataclasses.fields(SLEMConfig) if field.name not in _NOT_LEARNT_WITH),
    "seed",
)


@dataclass(frozen=True)
class Request:
    """What to learn, where to write, and how.

    source: a picture, a TIFF stack, or a folder of them. learner: settings of the learner. epochs: sweeps over each picture.
    channels: ``luminance``, or ``each`` for a map per colour. quantile, min_distance: of ``entropy_points``.
    """

    source: Path
    out: Path
    learner: SLEMConfig
    epochs: int
    channels: str
    quantile: float
    min_distance: int
