"""``ersm-lab doctor``: what is installed, what the machine can do, what is found, and how to get what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

import ersm_lab
from ersm_lab.core.plugins import merged
from ersm_lab.core.schema import DataConfig
from ersm_lab.tracking.sync import has_key, offline_runs

GOOD, MISSING, BROKEN = "ok", "missing", "broken"
_ROOT = Path(ersm_lab.__file__).parents[1]  # of the checkout, where it is one


@dataclass(frozen=True)
class Finding:
    """One line: a part of the installation, its state, and the command (or the step) that mends it.

    ``state`` is ``ok``, ``missing`` (nothing that is needed fails without it) or ``broken`` (something needed does).
    """

    part: str
    state: str
    found: str
    remedy: str = ""


def python() -> list[Finding]:
    """The interpreter and the packages that are needed: what has to be right before anything else can be asked."""
    return list(_python())


def examine(paths: Mapping[str, str], data: Mapping[str, DataConfig]) -> list[Finding]:
    """The rest, in the order in which it is shown. ``paths`` and ``data`` are resolved configuration groups."""
    return [
        *_torch(), *_memory(), *_disk(paths), *_data_sets(data), *_wandb(paths["outputs"]), *_extras(),
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
        "packages", BROKEN if wrong else GOOD, names or "all that are needed are there", _install(wrong)
    )


def _recorded() -> tuple[list[str], list[str]]:
    """All requirements, those of extras with a marker, and the extras' names.

    From ``pyproject.toml`` in a checkout: what an editable installation recorded may be older.
    """
    file = _ROOT / "pyproject.toml"
    project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}) if file.is_file() else {}
    if project.get("name") == "ersm-lab":
        extras = project.get("optional-dependencies", {})
        own = [f'{text}; extra == "{name}"' for name, texts in extras.items() for text in texts]
        return [*project.get("dependencies", []), *own], list(extras)
    try:
        about = importlib.metadata.metadata("ersm-lab")
    except importlib.metadata.PackageNotFoundError:
        return [], []
    return importlib.metadata.requires("ersm-lab") or [], about.get_all("Provides-Extra") or []


def _requirements(extra: str | None) -> list[str]:
    """What the package asks for, for one extra or (None) always."""
    found = []
    for text in _recorded()[0]:
        marker = Requirement(text).marker
        plain = marker is None or marker.evaluate({"extra": ""})
        wanted = not plain and marker is not None and marker.evaluate({"extra": extra or ""})
        if plain if extra is None else wanted:
            found.append(text.partition(";")[0].strip())
    return found


def _install(texts: Sequence[str]) -> str:
    """The command that installs requirements into this Python, whose environment uv may have made without pip."""
    if not texts:
        return ""
    bounds = _ROOT / "constraints.txt"
    words = [sys.executable, "-m", "pip", "install"]
    if importlib.util.find_spec("pip") is None:
        words = ["uv", "pip", "install", "--python", sys.executable]
    return shlex.join([*words, *(["-c", str(bounds)] if bounds.is_file() else []), *texts])


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
            _install(["--force-reinstall", "torch", "torchvision"]),
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
        "precision",
        GOOD if works else BROKEN,
        f"{device}: {', '.join(works) or 'no product came out right'}",
        "" if works else _install(["--force-reinstall", "torch", "torchvision"]),
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


def _data_sets(data: Mapping[str, DataConfig]) -> Iterator[Finding]:
    from ersm_lab.data.listing import source_of, state_of

    for name, group in sorted(data.items()):
        state = state_of(group)
        lacking = source_of(group) if state == "missing" else None
        get = ""
        if lacking is not None:
            root = Path(lacking.root)
            how = merged("sources").get(lacking.layout, "put it into {root}")
            get = how.format(root=root, above=root.parent, python=sys.executable)
        found = group.root + (f", {state}" if lacking is None else "")
        if lacking is not None and lacking is not group:
            found += f", made from {lacking.root}"
        yield Finding(f"data={name}", GOOD if lacking is None else MISSING, found, get)


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
    for extra in sorted(_recorded()[1]):
        lacking = [text for text in _requirements(extra) if _installed(text) is not None]
        names = ", ".join(Requirement(text).name for text in lacking)
        found = f"without {names}" if lacking else "all of it"
        yield Finding(f"extra: {extra}", MISSING if lacking else GOOD, found, _install(lacking))
