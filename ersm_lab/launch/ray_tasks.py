"""Tasks of a Ray cluster (an extra), or of a Ray of our own on this machine; the folder of outputs is shared by all machines."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ersm_lab.config.launch import LauncherConfig
from ersm_lab.core.errors import UserError
from ersm_lab.launch.gpus import devices_of
from ersm_lab.launch.jobs import Answer
from ersm_lab.launch.work import first_line, work
from ersm_lab.plan.cells import Cell

if TYPE_CHECKING:
    from ray import ObjectRef

_STORE = 2**27  # bytes of shared memory for a Ray of our own: jobs leave files and pass on two strings


class RayLauncher:
    """One task per cell, each in a worker of its own; Ray hands out cores and GPUs."""

    def __init__(self, settings: LauncherConfig, jobs: int) -> None:
        # attempts of half a minute each: a machine on which Ray cannot start says so in two minutes and not in twelve
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "3")
        try:
            import ray
        except ImportError as error:
            raise UserError("launcher=ray needs ray: pip install 'ersm-lab[ray]'") from error
        self.slots = jobs
        self._settings = settings
        self._ray: ModuleType = ray
        if ray.is_initialized():
            return
        handler = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(
                address=settings.address,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                # workers find what this process finds, installed or not
                runtime_env={"env_vars": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}},
                object_store_memory=None if settings.address else _STORE,
            )
        except Exception as error:  # of many kinds
            where = f"launcher.address={settings.address}" if settings.address else "launcher=ray"
            raise UserError(f"{where}: Ray does not start here: {first_line(error)}") from error
        finally:
            signal.signal(signal.SIGTERM, handler)  # Ray's own would end the sweep with another exit code

    def start(self, cell: Cell, log: Path) -> ObjectRef[Answer]:
        settings, total = self._settings, self._ray.cluster_resources()
        forced = cell.experiment.config.trainer.accelerator == "gpu"
        # "auto" runs on CPUs where the cluster has nothing else
        gpus = settings.gpus * devices_of(cell) if forced or total.get("GPU") else 0
        if not settings.address and gpus > total.get("GPU", 0):
            # Ray would wait for ever; a cluster may still grow
            there = f"this machine has {total.get('GPU', 0):g}"
            raise UserError(f"launcher=ray: {cell.label} needs {gpus} GPUs, and {there}")
        cpus = min(settings.cpus, total.get("CPU", 1))
        options: dict[str, object] = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0, "max_calls": 1}
        if settings.memory_gb:
            options["memory"] = int(settings.memory_gb * 2**30)
        task: ObjectRef[Answer] = self._ray.remote(**options)(work).remote(cell, log, Path.cwd())
        return task

    def wait(self, jobs: Sequence[ObjectRef[Answer]], seconds: float) -> list[ObjectRef[Answer]]:
        over, _ = self._ray.wait(list(jobs), num_returns=1, timeout=seconds)
        return list(over)

    def result(self, job: ObjectRef[Answer]) -> Answer:
        try:
            answer: Answer = self._ray.get(job)
        except Exception as error:  # the worker died: there is no answer
            return Answer("failed", first_line(error))
        return answer

    def cancel(self, jobs: Sequence[ObjectRef[Answer]]) -> None:
        """As Ctrl-C, so that runs are closed; by force what has not ended after 20 seconds."""
        left = list(jobs)
        for force, seconds in ((False, 20), (True, 0)):
            for job in left:
                with contextlib.suppress(Exception):
                    self._ray.cancel(job, force=force)
            if left and seconds:
                _, left = self._ray.wait(left, num_returns=len(left), timeout=seconds)
