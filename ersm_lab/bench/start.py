"""How long a person waits for an answer of ``ersm-lab`` that needs no torch."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from ersm_lab.bench.measure import alternate
from ersm_lab.bench.processes import lab, spend
from ersm_lab.bench.table import Row
from ersm_lab.core.plugins import FOLDER

# words, exit code, the goal in seconds
ANSWERS: tuple[tuple[tuple[str, ...], int, float | None], ...] = (
    (("--help",), 0, 1.0),
    (("train", "trainer.max_epoch=3"), 1, 1.0),
    (("train", "--help"), 0, None),
)


PLUGINS = 20
_ALLOWED = 0.02  # seconds that they may add
_PLUGIN = """
from ersm_lab.core.plugins import Plugin, SuiteSpec

PLUGIN = Plugin(
    name="{name}",
    package="{name}",
    summary="a paper",
    schemas={{("model", "schema_{name}"): "{name}.schema:Model", ("evaluation", "schema_{name}"): "{name}.schema:Evaluation"}},
    suites={{"{name}_suite": SuiteSpec("{name}.suite:Suite", "{name}.schema:Evaluation")}},
)
"""
_SCHEMA = """
from dataclasses import dataclass
from ersm_lab.core.schema import EvaluationConfig, ModelConfig
from ersm_lab.core.settings import setting


@dataclass
class Model(ModelConfig):
    "A model."
    _target_: str = setting("{name}.module.Net", "the class")
    width: int = setting(16, "channels", ge=1)


@dataclass
class Evaluation(EvaluationConfig):
    "A suite."
    share: float = setting(0.5, "of the weight", gt=0, le=1)
"""


def run(rounds: int = 3) -> list[Row]:
    """A row per answer: the fastest of ``rounds`` new processes, taking turns with those of the references."""
    plain = [sys.executable, "-c", "pass"]
    torch_alone = [sys.executable, "-c", "import torch"]
    commands = [(plain, 0), (torch_alone, 0), *((lab(*words), code) for words, code, _ in ANSWERS)]
    with tempfile.TemporaryDirectory() as folder:
        write_plugins(Path(folder))
        commands.append((["env", f"{FOLDER}={folder}", *lab("--help")], 0))
        seconds = _spent(commands, rounds)
    floor, reference, *ours, with_plugins = seconds
    note = f"reference: python -c 'import torch'; python -c pass takes {floor:.3f} s; fastest of {rounds} processes"
    rows = []
    for (words, code, limit), cost in zip(ANSWERS, ours, strict=True):
        refused = ", a key that it refuses" if code else ""
        name = " ".join(("ersm-lab", *words)) + refused
        rows.append(Row(name, cost, reference, "s", limit=limit, note=note))
    without = ours[0]
    note = f"reference: without plug-ins; goal: at most {_ALLOWED} s more; fastest of {rounds} processes"
    rows.append(
        Row(
            f"ersm-lab --help, {PLUGINS} plug-ins",
            with_plugins,
            without,
            "s",
            limit=without + _ALLOWED,
            note=note,
        )
    )
    return rows


def write_plugins(folder: Path) -> None:
    """``PLUGINS`` packages with a model and a suite each, as a folder of plug-ins."""
    for place in range(PLUGINS):
        package = folder / f"paper{place:02d}"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "plugin.py").write_text(_PLUGIN.format(name=package.name))
        (package / "schema.py").write_text(_SCHEMA.format(name=package.name))


def _spent(commands: Sequence[tuple[list[str], int]], rounds: int) -> list[float]:
    return alternate(
        [lambda command=command, code=code: spend(command, code, watch=False) for command, code in commands],  # type: ignore[misc]
        torch.device("cpu"),
        rounds,
    )
