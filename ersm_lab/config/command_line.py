"""The command line of `train` and `evaluate`: Hydra's grammar and flags, our errors and our runs.

Hydra composes every job of a command before any of them starts, so that a mistake in the last is found at once and
later edits of ``conf/`` change nothing. The runs themselves happen outside of Hydra.
"""

from __future__ import annotations

import glob
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ersm_lab.config.compose import Experiment, finish
from ersm_lab.config.composer import compose_experiment
from ersm_lab.config.store import folders, options, register
from ersm_lab.config.translate import CONFIG_ERRORS, one_line
from ersm_lab.core.errors import UserError

_JOBS = "jobs="
EVALUATION_KEYS = (
    "evaluation",
    "trainer.accelerator",
    "data.num_workers",
    "data.eval_batch_size",
    "data.root",
    "logger",
    "paths.",
)


def compose_all(words: Sequence[str]) -> tuple[list[Experiment], bool, int]:
    """Every experiment that a command line asks for, whether it is a sweep, and how many to run at a time.

    Empty when Hydra answered by itself (``--help``, ``--cfg job``, ``--info``).
    """
    arguments, jobs = split_jobs(words)
    experiments: list[Experiment] = []
    errors: list[Exception] = []

    def job(config: DictConfig) -> None:
        settings = HydraConfig.get()
        try:
            experiments.append(
                finish(config, settings.runtime.choices.get("experiment"), list(settings.overrides.task))
            )
        except (*CONFIG_ERRORS, UserError) as error:  # Hydra would print a line of its own before ours
            errors.append(error)

    register()
    GlobalHydra.instance().clear()
    try:
        with _arguments(arguments):
            hydra.main(version_base="1.3", config_path=str(folders()[0]), config_name="config")(job)()
        if errors:
            raise errors[0]
    except CONFIG_ERRORS as error:
        raise UserError(one_line(error)) from error
    finally:
        # nothing of Hydra may be left when the training starts: Lightning would take it for a Hydra application
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None
    many = any(word in ("-m", "--multirun") for word in words)
    return experiments, many, jobs


def split_jobs(words: Sequence[str]) -> tuple[list[str], int]:
    """The words without ``jobs=N``, and N (1 where it is not said)."""
    jobs = [word for word in words if word.startswith(_JOBS)]
    return [word for word in words if word not in jobs], _count(jobs[-1] if jobs else f"{_JOBS}1")


def split_config_dir(words: Sequence[str]) -> tuple[list[str], Path | None]:
    """The words without Hydra's ``--config-dir DIR``, and DIR: for ``frozen``, so that presets and the experiments of
    backbones are found there too, which Hydra's own handling of the flag would not reach."""
    rest: list[str] = []
    found: list[str] = []
    left = iter(words)
    for word in left:
        flag, equals, value = word.partition("=")
        if flag not in ("--config-dir", "-cd"):
            rest.append(word)
        elif value := value if equals else next(left, ""):
            found.append(value)
        else:
            raise UserError(f"{flag} needs a folder")
    if not found:
        return rest, None
    own = Path(found[-1])
    if not own.is_dir():
        raise UserError(f"--config-dir {own} is no folder")
    return rest, own


def evaluation_request(words: Sequence[str]) -> tuple[list[str], dict[str, Any], list[str]]:
    """The runs' folders, a composed configuration and the overrides of an ``evaluate`` command.

    ``run=`` takes folders separated by commas, and patterns such as ``outputs/ersm/digits/*``; it may be said again.
    ``table=NAME`` takes the runs of a table that ``ersm-lab table NAME`` has written.
    ``export=FORMAT`` is short for ``evaluation.export=FORMAT``. Only what does not belong to the training may be overridden: the evaluation, and where and how fast it runs.
    """
    folders: list[str] = []
    for word in words:
        if word.startswith("run="):
            for part in filter(None, word.partition("=")[2].split(",")):
                found = sorted(glob.glob(part)) if any(sign in part for sign in "*?[") else [part]
                if not found:
                    raise UserError(f"run={part} matches no folder")
                folders += found
    overrides = [
        f"evaluation.{word}" if word.startswith("export=") else word
        for word in words
        if not word.startswith(("run=", "table="))
    ]
    tables = [word.partition("=")[2] for word in words if word.startswith("table=")]
    for name in tables:
        folders += _runs_of_table(name, [word for word in overrides if word.startswith("paths.")])
    folders = list(dict.fromkeys(os.path.normpath(folder) for folder in folders))
    if not folders:
        raise UserError(
            "evaluate needs run=DIR, a run directory such as outputs/ersm/digits/20260101_120000-1a2b3c"
        )
    for word in overrides:
        if not word.lstrip("+~").startswith(EVALUATION_KEYS):
            allowed = ", ".join(EVALUATION_KEYS)
            raise UserError(
                f"evaluate does not take '{word}': a finished run keeps its configuration, except {allowed}"
            )
    base = [] if any(word.startswith("evaluation=") for word in overrides) else _own_evaluation(folders[0])
    return folders, compose_experiment([*base, *overrides]).config, overrides


def _own_evaluation(folder: str) -> list[str]:
    """The evaluation that the run was made with, so that one key of it can be changed; none where it has no name any more."""
    config = Path(folder) / "config.yaml"
    if not config.is_file():  # opening the run says so
        return []
    name = OmegaConf.select(OmegaConf.load(config), "evaluation.name")
    return [f"evaluation={name}"] if name in options("evaluation") else []


def _runs_of_table(name: str, paths: list[str]) -> list[str]:
    """Every run directory in the ``table.json`` of a written table."""
    file = Path(compose_experiment(paths).config["paths"]["outputs"]) / "tables" / name / "table.json"
    if not file.is_file():
        raise UserError(f"table={name}: there is no {file}; make it with ersm-lab table {name}")
    return [str(run) for row in json.loads(file.read_text())["runs"].values() for run in row.values()]


def _count(word: str) -> int:
    text = word.removeprefix(_JOBS)
    if not text.isdigit() or int(text) < 1:
        raise UserError(
            f"'jobs' is {text!r}, but must be a whole number of at least 1: how many runs at a time"
        )
    return int(text)


@contextmanager
def _arguments(words: Sequence[str]) -> Iterator[None]:
    """``sys.argv`` as Hydra reads it, and its exceptions as exceptions in place of a printed report."""
    before, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = [before[0], *words]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    except SystemExit as stop:
        if stop.code:
            raise
    finally:
        sys.argv = before
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full
