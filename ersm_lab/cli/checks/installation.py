"""Checks of the installation: the interpreter, the packages that are needed, and the extras."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shlex
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement

import ersm_lab
from ersm_lab.cli.checks import BROKEN, GOOD, MISSING, Finding

_ROOT = Path(ersm_lab.__file__).parents[1]  # of the checkout, where it is one


def python() -> Iterator[Finding]:
    version = f"{platform.python_version()} at {sys.executable}"
    if (3, 11) <= sys.version_info < (3, 14):
        yield Finding("Python", GOOD, version)
    else:
        yield Finding("Python", BROKEN, version, "Python 3.11 to 3.13: make setup PYTHON=python3.12")
    wrong = [text for text in _requirements(None) if _installed(text) is not None]
    names = "; ".join(f"{text}: {_installed(text)}" for text in wrong)
    found = names or "all that are needed are there"
    yield Finding("packages", BROKEN if wrong else GOOD, found, install_command(wrong))


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


def install_command(texts: Sequence[str]) -> str:
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


def extras() -> Iterator[Finding]:
    for extra in sorted(_recorded()[1]):
        lacking = [text for text in _requirements(extra) if _installed(text) is not None]
        names = ", ".join(Requirement(text).name for text in lacking)
        found = f"without {names}" if lacking else "all of it"
        yield Finding(f"extra: {extra}", MISSING if lacking else GOOD, found, install_command(lacking))
