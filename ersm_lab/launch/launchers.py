"""The launcher that a launch asks for."""

from __future__ import annotations

from ersm_lab.config.launch import LaunchRequest
from ersm_lab.launch.gpus import visible_gpus
from ersm_lab.launch.jobs import AnyLauncher
from ersm_lab.launch.local import LocalLauncher


def make_launcher(request: LaunchRequest) -> AnyLauncher:
    """The launcher that ``conf/launcher/*.yaml`` describes. Raises ``UserError`` when its extra is missing."""
    if request.launcher.kind == "slurm":
        from ersm_lab.launch.slurm import SlurmLauncher

        return SlurmLauncher(request.launcher, request.jobs)
    if request.launcher.kind == "ray":
        from ersm_lab.launch.ray_tasks import RayLauncher

        return RayLauncher(request.launcher, request.jobs)
    return LocalLauncher(request.jobs, visible_gpus())
