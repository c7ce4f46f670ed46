"""Jobs of a SLURM cluster, by submitit (an extra); the folder of outputs is shared by all machines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ersm_lab.config.launch import LauncherConfig
from ersm_lab.core.errors import UserError
from ersm_lab.launch.gpus import devices_of
from ersm_lab.launch.jobs import Answer
from ersm_lab.launch.work import first_line, work
from ersm_lab.plan.cells import Cell

if TYPE_CHECKING:
    from submitit import Job


class SlurmLauncher:
    """One submitted job per cell. ``cluster: local`` runs submitit's own processes here in place of sbatch."""

    def __init__(self, settings: LauncherConfig, jobs: int) -> None:
        try:
            import submitit
        except ImportError as error:
            raise UserError("launcher=slurm needs submitit: pip install 'ersm-lab[slurm]'") from error
        self.slots = jobs
        self._settings = settings
        self._submitit = submitit

    def start(self, cell: Cell, log: Path) -> Job[Answer]:
        folder = log.parent / "slurm" / "%j"
        try:
            executor = self._submitit.AutoExecutor(folder, cluster=self._settings.cluster)
        except RuntimeError as error:
            raise UserError(
                f"launcher=slurm: {first_line(error)}; launcher.cluster=local tries it without one"
            ) from error
        executor.update_parameters(**submit_parameters(self._settings, cell))
        return executor.submit(work, cell, log, Path.cwd())

    def wait(self, jobs: Sequence[Job[Answer]], seconds: float) -> list[Job[Answer]]:
        time.sleep(seconds)  # submitit asks the cluster for all jobs at once, and not more often than it may
        return [job for job in jobs if job.done()]

    def result(self, job: Job[Answer]) -> Answer:
        try:
            return job.result()
        except Exception as error:  # killed, out of memory, over its time: there is no answer
            return Answer("failed", f"job {job.job_id} ended as {job.state}: {first_line(error)}")

    def cancel(self, jobs: Sequence[Job[Answer]]) -> None:
        for job in jobs:
            job.cancel(check=False)


def submit_parameters(settings: LauncherConfig, cell: Cell) -> dict[str, object]:
    """What submitit is told of the job of ``cell``, under its own names."""
    found: dict[str, object] = {
        "name": f"{cell.experiment.paper}-{cell.experiment.name}".replace("/", "-"),
        "timeout_min": settings.minutes,
        "cpus_per_task": settings.cpus,
        "gpus_per_node": settings.gpus * devices_of(cell),
    }
    if settings.memory_gb:
        found["mem_gb"] = settings.memory_gb
    own = {name: getattr(settings, name) for name in ("partition", "account", "qos", "constraint")}
    found |= {f"slurm_{name}": value for name, value in own.items() if value}
    if settings.setup:
        found["slurm_setup"] = list(settings.setup)
    if settings.parameters:
        found["slurm_additional_parameters"] = dict(settings.parameters)
    return found
