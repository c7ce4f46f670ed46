"""The verb ``ersm-lab slem IMAGE_OR_FOLDER [setting=value]``: its words, and what they ask for.

A setting has a short name: ``window_size=7`` is ``model.window_size=7``. All of them are composed and checked as those of an
experiment are. Neither torch nor numba is imported before the words are known to be right.
"""

from __future__ import annotations

import dataclasses
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Compose
from ersm_lab.core.settings import choices_of
from ersm_lab.core.words import nearest
from ersm_lab.data.schema import PictureDataConfig
from ersm_lab.papers.slem.request import LEARNT_WITH, Request
from ersm_lab.papers.slem.schema import SLEMConfig
from ersm_lab.papers.slem.suites.settings import PointsConfig, SlemEvaluationConfig

SUMMARY = "learn pictures pixel by pixel: Learning Entropy maps and points"

_COMPOSED = ("model=slem/multiscale", "data=folder", "evaluation=slem", "trainer.max_epochs=1", "logger=csv")
_LONG = ("paths.outputs", "model")  # what is taken besides short names
_EPILOG = """\
writes: a map (16-bit PNG, npz), points (CSV) and overlays for each picture; summary.csv, summary.png and settings.json
exit codes: 0 done; 1 a mistake in a word, or a picture that cannot be read

examples:
  ersm-lab slem photo.png
  ersm-lab slem photo.png model=slem/direct window_size=7 epochs=3 out=maps"""


class ShortName(NamedTuple):
    """A setting as users say it: the key that it stands for, what it means, its default, and the values that it may have."""

    key: str
    meaning: str
    default: object = None
    choices: tuple[object, ...] = ()


def _short_names() -> dict[str, ShortName]:
    model, points = SLEMConfig(), PointsConfig()
    names = {
        field.name: ShortName(
            f"model.{field.name}",
            field.metadata["help"],
            getattr(model, field.name),
            choices_of(field.metadata) or (),
        )
        for field in dataclasses.fields(SLEMConfig)
        if field.name in ("workers", *LEARNT_WITH) and field.name != "seed"
    }
    return names | {
        "epochs": ShortName("trainer.max_epochs", "sweeps over the picture, a map for each", 1),
        "channels": ShortName(
            "data.channels", "luminance: one map of a colour picture; each: one per channel", "luminance"
        ),
        "quantile": ShortName(
            "evaluation.points.quantile", "share of a map that lies below its points", points.quantile
        ),
        "min_distance": ShortName(
            "evaluation.points.min_distance",
            "two points differ by more than this many pixels along an axis; 0: all stay",
            points.min_distance,
        ),
        "seed": ShortName("seed", "seed of fresh weights, mini-batches and the random traversal", 0),
        "out": ShortName("out", "folder for what is written; below outputs/slem/maps unless given"),
    }


SHORT_NAMES = _short_names()


def add_arguments(parser: ArgumentParser) -> None:
    """The words of the verb, and the text of its help."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.description = "IMAGE_OR_FOLDER: grey or RGB, 8 or 16 bit, floats in [0, 1], TIFF stacks; a folder is read as a whole"
    parser.epilog = f"settings (defaults):\n{settings_text()}\n\n{_EPILOG}"
    parser.usage = "%(prog)s IMAGE_OR_FOLDER [setting=value ...] [model=NAME]"
    parser.add_argument("words", nargs="*", help="a picture or a folder, then settings")


def completions() -> list[str]:
    """What may stand before a value on the command line, for shell completion."""
    return ["model=", *(f"{name}=" for name in SHORT_NAMES)]


def settings_text() -> str:
    """A line per setting, with its meaning and its default."""
    lines = []
    for name, short in SHORT_NAMES.items():
        default = "" if short.default is None else f" ({short.default})"
        choices = f": {', '.join(map(str, short.choices))}" if short.choices else ""
        lines.append(f"  {name:16s}{short.meaning}{choices}{default}")
    return "\n".join(lines)


def run(arguments: Namespace, compose: Compose) -> int:
    """Learns what the words name; the exit code. Raises ``UserError`` with one line for words that are wrong."""
    asked = request(arguments.words, compose)
    from ersm_lab.papers.slem.command import learn_pictures

    return learn_pictures(asked)


def request(words: Sequence[str], compose: Compose) -> Request:
    """What the words after ``ersm-lab slem`` ask for; ``compose`` makes a configuration of overrides.

    Raises ``UserError`` with one line.
    """
    if not words or ("=" in words[0] and not Path(words[0]).exists()):
        raise UserError("slem needs a picture or a folder: ersm-lab slem IMAGE_OR_FOLDER [setting=value]")
    source = Path(words[0])
    overrides, out = _split(words[1:])
    config = compose([*_COMPOSED, *overrides]).config
    model, data, evaluation = config.model, config.data, config.evaluation
    if not isinstance(model, SLEMConfig):
        raise UserError(f"model={model.variant} is no SLEM learner; try model=slem/direct")
    assert isinstance(data, PictureDataConfig)
    assert isinstance(evaluation, SlemEvaluationConfig)
    if not source.exists():
        raise UserError(f"no picture and no folder {source}")
    below = source.resolve().stem or "pictures"
    return Request(
        source=source,
        out=out or Path(config.paths.outputs) / "slem" / "maps" / below,
        learner=model,
        epochs=config.trainer.max_epochs,
        channels=data.channels,
        quantile=evaluation.points.quantile,
        min_distance=evaluation.points.min_distance,
    )


def _split(words: Sequence[str]) -> tuple[list[str], Path | None]:
    """Overrides by their full keys, and the folder that ``out=`` names."""
    overrides, out = [], None
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"slem takes one picture or folder, then setting=value, but got '{word}'")
        full = SHORT_NAMES[key].key if key in SHORT_NAMES else key
        if full not in (*_LONG, *(short.key for short in SHORT_NAMES.values())):
            known = nearest(key, [*SHORT_NAMES, *_LONG])
            raise UserError(f"unknown setting '{key}'{known} (see ersm-lab slem --help)")
        if full == "out":
            out = Path(value) if value else None
        else:
            overrides.append(f"{full}={value}")
    return overrides, out
