"""Checks of the machine: torch with its devices and precisions, memory, and disks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ersm_lab.cli.checks import BROKEN, GOOD, MISSING, Finding
from ersm_lab.cli.checks.installation import install_command
from ersm_lab.config.schema import PathsConfig
from ersm_lab.core.errors import kind_and_message


def torch_and_devices() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # a broken build raises what it likes
        remedy = install_command(["--force-reinstall", "torch", "torchvision"])
        yield Finding("torch", BROKEN, kind_and_message(error), remedy)
        return
    yield Finding("torch", GOOD, f"{torch.__version__}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            free, total = torch.cuda.mem_get_info(index)
            found = f"{about.name}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free, compute {about.major}.{about.minor}"
            yield Finding(f"CUDA device {index}", GOOD, found)
    elif torch.version.cuda is None:
        remedy = "https://pytorch.org/get-started/locally, for a GPU"
        yield Finding("CUDA", MISSING, "this torch is built for CPUs only", remedy)
    else:
        found = f"torch knows CUDA {torch.version.cuda}, but finds no device"
        yield Finding("CUDA", MISSING, found, "nvidia-smi says whether there is a driver")
    yield _precision()


def _precision() -> Finding:
    """Each by a small product on the device that training would use."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    works = []
    for name, dtype in (
        ("32-true", torch.float32),
        ("bf16-mixed", torch.bfloat16),
        ("16-mixed", torch.float16),
    ):
        if name == "16-mixed" and device == "cpu":
            continue  # the scaler of 16-mixed is for GPUs
        try:
            square = torch.ones(8, 8, device=device, dtype=dtype)
            if bool((square @ square == 8).all()):
                works.append(name)
        except RuntimeError:
            continue
    if device == "cuda" and torch.cuda.get_device_capability() >= (8, 0):
        works.append("tf32")
    return Finding(
        "precision",
        GOOD if works else BROKEN,
        f"{device}: {', '.join(works) or 'no product came out right'}",
        "" if works else install_command(["--force-reinstall", "torch", "torchvision"]),
    )


def memory() -> Iterator[Finding]:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        size = {line.split(":")[0]: int(line.split()[1]) / 2**20 for line in lines if line.endswith("kB")}
        total, free = size["MemTotal"], size["MemAvailable"]
    except (OSError, KeyError, ValueError):
        yield Finding("memory", GOOD, f"unknown; {os.cpu_count()} cores")
        return
    low = free < 2
    found = f"{free:.1f} of {total:.1f} GiB free, {os.cpu_count()} cores"
    remedy = "trainer.feature_cache.dtype=float16, a smaller data.batch_size"
    yield Finding("memory", MISSING if low else GOOD, found, remedy if low else "")


def disks(paths: PathsConfig) -> Iterator[Finding]:
    for name, place in (("outputs", paths.outputs), ("cache", paths.cache), ("data", paths.data)):
        below = Path(place).resolve()
        there = next(folder for folder in (below, *below.parents) if folder.is_dir())
        free = shutil.disk_usage(there).free / 2**30
        remedy = f"paths.{name}=DIR, or ERSM_LAB_{name.upper()}=DIR for good"
        if not os.access(there, os.W_OK):
            state = MISSING if name == "data" else BROKEN
            yield Finding(f"disk: {name}", state, f"{place} cannot be written to", remedy)
        elif free < 2:
            yield Finding(f"disk: {name}", MISSING, f"{place}, {free:.0f} GiB free", remedy)
        else:
            yield Finding(f"disk: {name}", GOOD, f"{place}, {free:.0f} GiB free")
