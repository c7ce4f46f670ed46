"""Where and how runs are launched: the words of a command line that say so, of sweeps and of tables alike, and ``conf/launcher/*.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ersm_lab.config.documents import load_document
from ersm_lab.config.words import split_choice, split_jobs
from ersm_lab.core.settings import Settings, setting

DRY_RUN, REFRESH = "--dry-run", "--refresh"


@dataclass
class LauncherConfig(Settings):
    """Where jobs run. ``jobs=N`` on the command line says how many at a time."""

    kind: str = setting("local", "what starts them", choices=("local", "slurm", "ray"))
    jobs: int = setting(1, "jobs at a time when the command line does not say", ge=1)
    cluster: str = setting(
        "slurm", "slurm: sbatch; local: submitit's own processes on this machine", choices=("slurm", "local")
    )
    partition: str | None = setting(None, "slurm: null is the cluster's default")
    account: str | None = setting(None, "slurm: null is the cluster's default")
    qos: str | None = setting(None, "slurm: null is the cluster's default")
    constraint: str | None = setting(None, "slurm: features that a node must have")
    minutes: int = setting(240, "slurm: time limit of a job", ge=1)
    cpus: int = setting(4, "slurm, ray: cores of a job", ge=1)
    memory_gb: float | None = setting(None, "slurm, ray: null is the cluster's default", gt=0)
    gpus: int = setting(1, "slurm, ray: GPUs of a job; 0 for work on CPUs", ge=0)
    setup: list[str] = setting([], "slurm: shell lines before a job, such as module load")
    parameters: dict[str, str | int | float | bool | None] = setting(
        {}, "slurm: further options of sbatch, such as exclude: node7"
    )
    address: str | None = setting(None, "ray: of a cluster, or auto; null starts one on this machine")


@dataclass(frozen=True)
class LaunchRequest:
    """Where runs are launched, how many at a time, and how.

    ``dry_run``: list what would run in place of running it. ``refresh``: run finished cells again.
    """

    launcher: LauncherConfig
    jobs: int
    dry_run: bool = False
    refresh: bool = False


def launch_request(words: Sequence[str]) -> tuple[LaunchRequest, list[str]]:
    """Reads ``launcher=NAME launcher.key=VALUE jobs=N --dry-run --refresh``; returns the other words too.

    Raises ``UserError`` for an unknown launcher or key.
    """
    counted, count = split_jobs(words)
    name, changes, others = split_choice(counted, "launcher")
    rest = [word for word in others if word not in (DRY_RUN, REFRESH)]
    launcher = load_document("launcher", "local" if name is None else name, LauncherConfig, changes)
    jobs = count if any(word.startswith("jobs=") for word in words) else launcher.jobs
    return LaunchRequest(launcher, jobs, DRY_RUN in words, REFRESH in words), rest
