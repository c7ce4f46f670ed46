"""The schemas of pictures without labels, and of what is measured of learners of single pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from ersm_lab.config.schemas import EvaluationConfig
from ersm_lab.settings import setting


@dataclass
class PictureDataConfig:
    """Pictures without labels: a folder, scikit-image's photographs, or generated structures. There are no splits."""

    _target_: str = "ersm_lab.data.picture_module.PictureDataModule"
    name: str = setting(MISSING, "for people and dashboards")
    layout: str = setting(
        MISSING, "where pictures come from", choices=("folder", "photographs", "structures")
    )
    root: str = setting(MISSING, "the folder that holds them")
    options: dict[str, Any] = setting({}, "of the generator: size, and for structures count, noise, seed")
    names: list[str] | None = setting(None, "those to take, in this order; null: all")
    channels: str = setting(
        "luminance", "a colour picture as one, or as three", choices=("luminance", "each")
    )
    crop: int | None = setting(None, "side of the central square that is taken; null: whole", ge=8)
    batch_size: int = setting(4, "pictures per step, learnt side by side; changes no map", ge=1)
    eval_batch_size: int | None = setting(None, "null: batch_size", ge=1)
    num_workers: int = setting(0, "loader processes; 0: in the main process", ge=0)


@dataclass
class PointsConfig:
    """How points of interest are taken from a map, and when one counts as right."""

    epoch: int = setting(1, "whose map is read; sweeps count from 1", ge=1)
    quantile: float = setting(0.98, "points lie above this share of their map", ge=0, le=1)
    min_distance: int = setting(2, "no two points nearer than this along both axes; 0: all stay", ge=0)
    radius: float = setting(3.0, "pixels within which a point finds an edge or a corner", ge=0)


@dataclass
class SlemEvaluationConfig(EvaluationConfig):
    """What is measured of entropy learners."""

    arrays: int = setting(12, "pictures whose maps are written as arrays, evenly spread; 0: none", ge=0)
    points: PointsConfig = setting(PointsConfig)


SCHEMAS: dict[tuple[str, str], type] = {
    ("data", "schema_pictures"): PictureDataConfig,
    ("evaluation", "schema_slem"): SlemEvaluationConfig,
}
