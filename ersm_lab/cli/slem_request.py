"""The words of ``ersm-lab slem``: a picture or a folder, and settings that go through the same checks as an experiment's.

Settings may be said by their short names: ``window_size=7`` is ``model.window_size=7``. No torch and no numba here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.core.words import nearest
from ersm_lab.papers.slem.schema import SLEMConfig

_DEFAULTS = ("model=slem/multiscale", "data=folder", "evaluation=slem", "trainer.max_epochs=1", "logger=csv")
_HIDDEN = ("_target_", "variant", "keep_mib", "seed")  # of the learner; the seed is the root's
_OTHER = {
    "epochs": ("trainer.max_epochs", "sweeps over the picture, a map for each"),
    "channels": ("data.channels", "luminance: one map of a colour picture; each: one per channel"),
    "quantile": ("evaluation.points.quantile", "points lie above this share of their map"),
    "min_distance": ("evaluation.points.min_distance", "no two points nearer than this; 0: all stay"),
    "seed": ("seed", "of fresh weights, mini-batches and the random traversal"),
    "out": ("out", "folder for what is written; below outputs/slem/maps unless given"),
}
_LEARNER = {field.name: field for field in dataclasses.fields(SLEMConfig) if field.name not in _HIDDEN}
_SHORT = {**{name: f"model.{name}" for name in _LEARNER}, **{name: key for name, (key, _) in _OTHER.items()}}
_TAKEN = {*_SHORT.values(), "paths.outputs", "model"}


@dataclass(frozen=True)
class SlemRequest:
    """What to learn, where to write, and how. ``learner``: keywords of ``spatial_learning_entropy``."""

    source: Path
    out: Path
    learner: dict[str, Any]
    channels: str
    quantile: float
    min_distance: int
    workers: int | None


def slem_request(words: Sequence[str]) -> SlemRequest:
    """What the words after ``ersm-lab slem`` ask for. Raises ``UserError`` with one line."""
    if not words or ("=" in words[0] and not Path(words[0]).exists()):
        raise UserError("slem needs a picture or a folder: ersm-lab slem IMAGE_OR_FOLDER [setting=value]")
    source = Path(words[0])
    overrides, out = [], None
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"slem takes one picture or folder, then setting=value, but got '{word}'")
        full = _SHORT.get(key, key)
        if full not in _TAKEN:
            known = [*_SHORT, "paths.outputs", "model"]
            raise UserError(f"unknown setting '{key}'{nearest(key, known)} (see ersm-lab slem --help)")
        if full == "out":
            out = value
        else:
            overrides.append(f"{full}={value}")
    config = compose_experiment([*_DEFAULTS, *overrides]).config
    if not config["model"]["_target_"].startswith("ersm_lab.papers.slem."):
        raise UserError(f"model={config['model']['variant']} is no SLEM learner; try model=slem/direct")
    if not source.exists():
        raise UserError(f"no picture and no folder {source}")
    points, model = config["evaluation"]["points"], config["model"]
    below = source.resolve()
    return SlemRequest(
        source=source,
        out=Path(out)
        if out
        else Path(config["paths"]["outputs"]) / "slem" / "maps" / (below.stem or "pictures"),
        learner={
            **{name: model[name] for name in _LEARNER if name != "workers"},
            "seed": model["seed"],
            "epochs": config["trainer"]["max_epochs"],
        },
        channels=config["data"]["channels"],
        quantile=points["quantile"],
        min_distance=points["min_distance"],
        workers=model["workers"],
    )


def short_names() -> list[str]:
    """What stands before ``=`` on the command line, for completion."""
    return [f"{name}=" for name in _SHORT]


def settings() -> str:
    """A line per setting, with its default: for ``ersm-lab slem --help``."""
    defaults = SLEMConfig()
    rows = [(name, field.metadata["help"], getattr(defaults, name)) for name, field in _LEARNER.items()]
    config = compose_experiment(list(_DEFAULTS)).config
    others = {"epochs": 1, "channels": "luminance", "seed": 0, "out": None, **config["evaluation"]["points"]}
    rows += [(name, text, others[name]) for name, (_, text) in _OTHER.items()]
    return "\n".join(
        f"  {name:16s}{text}{'' if value is None else f' ({value})'}" for name, text, value in rows
    )
