"""``conf/sweep/<name>.yaml`` and ``conf/launcher/<name>.yaml``, and the command line that uses them.

A sweep preset is an experiment, overrides of every cell, and a grid. It becomes words of the command line in front of
those that the user wrote; a word of the user's replaces the preset's word for the same key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ersm_lab.config.command_line import split_jobs
from ersm_lab.config.documents import load_document
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import Settings, plain, setting


@dataclass
class SearchConfig(Settings):
    """A search by Optuna in place of a full grid. Trials are judged on validation and never read the test split."""

    metric: str = setting("val/accuracy", "a key of the run's summary")
    mode: str = setting("max", "which way is better", choices=("max", "min"))
    trials: int = setting(20, "finished trials that the study is to have", ge=1)
    sampler: str = setting("tpe", "how the next trial is chosen", choices=("tpe", "random"))
    startup: int = setting(8, "random trials before tpe begins", ge=1)
    seed: int = setting(0, "of the sampler", ge=0)


@dataclass
class SweepConfig(Settings):
    """A sweep preset."""

    title: str = setting("", "one line for people")
    experiment: str | None = setting(None, "of every cell, unless the command line names one")
    overrides: list[str] = setting([], "of every cell")
    grid: dict[str, Any] = setting(
        {}, "key: [values], or a string of Hydra's grammar: range(1,4), or interval(1e-4,1) for a search"
    )
    search: SearchConfig | None = setting(None, "null: every combination of the grid")

    @staticmethod
    def check(node: Any) -> str | None:
        return None if node.grid else "a sweep needs a grid"


@dataclass
class LauncherConfig(Settings):
    """Where jobs run. ``jobs=N`` on the command line says how many at a time."""

    kind: str = setting("local", "what starts them", choices=("local", "slurm", "ray"))
    jobs: int = setting(1, "jobs at a time when the command line does not say", ge=1)
    cluster: str = setting(
        "slurm", "slurm: sbatch; local: submitit's own processes on this machine", choices=("slurm", "local")
    )
    partition: str | None = setting(None, "slurm: null is the cluster's default")
    account: str | None = setting(None, "slurm")
    qos: str | None = setting(None, "slurm")
    constraint: str | None = setting(None, "slurm")
    minutes: int = setting(240, "slurm: time limit of a job", ge=1)
    cpus: int = setting(4, "slurm, ray: cores of a job", ge=1)
    memory_gb: float | None = setting(None, "slurm, ray: null is the cluster's default", gt=0)
    gpus: int = setting(1, "slurm, ray: GPUs of a job; 0 for work on CPUs", ge=0)
    setup: list[str] = setting([], "slurm: shell lines before a job, such as module load")
    parameters: dict[str, Any] = setting({}, "slurm: further options of sbatch, such as exclude: node7")
    address: str | None = setting(None, "ray: of a cluster, or auto; null starts one on this machine")


@dataclass(frozen=True)
class SweepRequest:
    """What a sweep's command line asks for; ``words`` are for Hydra."""

    name: str
    words: list[str]
    launcher: dict[str, Any]
    jobs: int
    search: dict[str, Any] | None = None
    dry_run: bool = False
    refresh: bool = False
    said: list[str] = field(default_factory=list)


_FLAGS = ("-m", "--multirun", "--dry-run", "--refresh")


def is_sweep(words: Sequence[str]) -> bool:
    """Whether ``ersm-lab train WORDS`` is a sweep (a sweep of one cell included)."""
    ours = ("sweep=", "sweep.", "launcher=", "launcher.")
    return any(word in _FLAGS or word.startswith(ours) for word in words)


def sweep_request(words: Sequence[str]) -> SweepRequest:
    """Reads ``sweep=NAME launcher=NAME sweep.key=VALUE launcher.key=VALUE jobs=N --dry-run --refresh`` and leaves the
    rest to Hydra. Raises ``UserError`` for unknown presets and keys."""
    rest, count = split_jobs(words)
    chosen = {"sweep": "", "launcher": "local"}
    changes: dict[str, list[str]] = {"sweep": [], "launcher": []}
    free: list[str] = []
    for word in rest:
        key, equals, value = word.partition("=")
        group, _, below = key.partition(".")
        if group in chosen and equals and not below:
            chosen[group] = value
        elif group in chosen and equals:
            changes[group].append(f"{below}={value}")
        elif word not in _FLAGS:
            free.append(word)
    search = None
    if chosen["sweep"]:
        preset = load_document("sweep", chosen["sweep"], SweepConfig, changes["sweep"])
        search = plain(preset.search)
        free = merge_words(preset_words(preset), free)
    elif changes["sweep"]:
        raise UserError(f"sweep.{changes['sweep'][0]} changes a preset, but there is no sweep=NAME")
    launcher = plain(load_document("launcher", chosen["launcher"], LauncherConfig, changes["launcher"]))
    jobs = count if any(word.startswith("jobs=") for word in words) else launcher["jobs"]
    return SweepRequest(
        name=chosen["sweep"] or "command",
        words=free,
        launcher=launcher,
        jobs=jobs,
        search=search,
        dry_run="--dry-run" in rest,
        refresh="--refresh" in rest,
        said=list(words),
    )


def preset_words(preset: SweepConfig) -> list[str]:
    """A preset as words of the command line."""
    first = [f"experiment={preset.experiment}"] if preset.experiment else []
    return [
        *first,
        *preset.overrides,
        *(f"{key}={_values(value)}" for key, value in preset.grid.items()),
    ]


def merge_words(preset: Sequence[str], own: Sequence[str]) -> list[str]:
    """The preset's words whose key the user did not mention, and the user's."""
    said = {_key(word) for word in own}
    return [*(word for word in preset if _key(word) not in said), *own]


def _key(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def _values(value: Any) -> str:
    """A grid entry in Hydra's grammar: a list is a choice, anything else is taken as it is."""
    return ",".join(_written(item) for item in value) if isinstance(value, list) else _written(value)


def _written(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(_written(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_written(item)}' for key, item in value.items())}}}"
    return str(value)
