"""``conf/launcher/<name>.yaml``: where jobs run."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.settings import Settings, setting


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
