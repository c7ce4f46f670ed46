"""The same sweep once more when all of its cells are finished, against Hydra's own composing of these cells alone.

The run directories are written here, through ``ersm_lab.runs`` and with the config hashes that the sweep plans; nothing was
trained in them. To know a finished run, the sweep reads its ``run.json`` and nothing else of it. Imports no torch.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from ersm_lab.bench.processes import lab, spend
from ersm_lab.bench.table import Row
from ersm_lab.config.composer import compose_cells
from ersm_lab.config.store import conf_dir, register
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.directory import RunDirectory

# 4 heads x 5 learning rates x 10 seeds, each on a backbone of its own run
WORDS = (
    "experiment=ersm/digits",
    "model=ersm/baseline,ersm/position_only,ersm/published,ersm/recommended",
    "optimizer.lr=1e-3,3e-3,1e-2,3e-2,1e-1",
    "seed=range(0,10)",
)
LIMIT = 15.0  # seconds


def write_finished(words: Sequence[str]) -> list[Path]:
    """A finished run directory for every cell of the sweep ``words``, where the sweep will look for it."""
    planner = Planner()
    found = []
    for experiment in compose_cells(words):
        cell = planner.plan(experiment)
        run = RunDirectory.create(
            cell.outputs,
            experiment.paper,
            experiment.name,
            plain(experiment.config),
            list(experiment.overrides),
            cell.identity,
        )
        run.finish("finished")
        found.append(run.path)
    return found


def compose_one_by_one(cells: Sequence[Sequence[str]]) -> list[object]:
    """The reference: Hydra's compose for each list of overrides, resolved. Nothing is checked, hashed or looked up."""
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        composed = [compose("config", list(words)) for words in cells]
        return [OmegaConf.to_container(config, resolve=True) for config in composed]


def states(outputs: Path) -> list[str]:
    """How each cell of the one sweep below ``outputs`` ended, as its ``sweep.json`` says."""
    (record,) = outputs.glob("sweeps/*/sweep.json")
    return [cell["state"] for cell in json.loads(record.read_text())["cells"]]


def run(words: Sequence[str] = WORDS) -> list[Row]:
    """Two rows, time and memory: the whole command against a process that only composes the same cells."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder) / "outputs"
        words = [*words, f"paths.outputs={outputs}"]
        runs = write_finished(words)
        ours = spend(lab("train", "-m", *words))
        ended = states(outputs)
        if ended != ["skipped"] * len(runs) or len(list(outputs.rglob("run.json"))) != len(runs):
            raise UserError(f"of {len(runs)} finished cells only {ended.count('skipped')} were skipped")
        cells = [list(experiment.overrides) for experiment in compose_cells(words)]
        request = Path(folder) / "cells.json"
        request.write_text(json.dumps(cells))
        reference = spend([sys.executable, "-m", "ersm_lab.bench.recheck", str(request)])
    what = "all skipped; run directories written here without training; reference: Hydra's compose of the same cells one by one"
    name = f"{len(runs)} finished cells"
    return [
        Row(
            name,
            ours.seconds,
            reference.seconds,
            "s",
            limit=LIMIT,
            note=f"{what}; both with process and imports",
        ),
        Row(f"{name}, memory", ours.memory, reference.memory, "MiB", note="all processes of the command"),
    ]


if __name__ == "__main__":
    compose_one_by_one(json.loads(Path(sys.argv[1]).read_text()))
