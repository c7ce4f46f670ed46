"""Canonical hashes: what makes two runs the same run."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import ersm_lab
from ersm_lab.core.settings import Settings, plain, result_settings


def canonical_hash(value: object) -> str:
    """SHA-256 of a JSON form that does not depend on the order of keys; 1 and 1.0 are one number; null, and a
    mapping with ``enabled: false``, are absent."""
    text = json.dumps(_canonical(plain(value)), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def config_hash(config: Settings, data: str, upstream: Mapping[str, str]) -> str:
    """The identity of a run's result.

    Parameters
    ----------
    config: resolved; fields that change no result do not count (see ``core.settings.setting``).
    data: the data's fingerprint, which stands for its path.
    upstream: config hashes of the runs that this one is built on, by role. A ``model.backbone.checkpoint``
        that no run supplied counts with its content.
    """
    kept = result_settings(config)
    options = kept.get("data", {}).get("options")
    while isinstance(options, dict) and isinstance(options.get("source"), dict):
        options["source"].pop("root", None)  # its content is in the fingerprint
        options = options["source"].get("options")
    sources = dict(upstream)
    backbone = getattr(getattr(config, "model", None), "backbone", None)
    weights: str | None = getattr(backbone, "checkpoint", None)
    if weights and "backbone" not in sources and Path(weights).is_file():
        # a file of the user's own, not a run's: two files are two results
        stat = Path(weights).stat()
        sources["backbone"] = _weights_digest(weights, stat.st_size, stat.st_mtime_ns)
    return canonical_hash({"config": kept, "data": data, "upstream": sources})


@functools.cache
def package_digest() -> str:
    """SHA-256 over the package's Python files: a finished run of another digest was made by other code."""
    root = Path(ersm_lab.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _weights_digest(path: str, size: int, modified: int) -> str:
    """The digest of a file, read again only when size or time changed."""
    return file_digest(Path(path))


def _is_off(value: object) -> bool:
    return value is None or (isinstance(value, Mapping) and value.get("enabled") is False)


def _canonical(value: object) -> object:
    if isinstance(value, Mapping):
        # what is not set or switched off does nothing: an option that a later version adds leaves every older hash as it is
        return {str(key): _canonical(item) for key, item in value.items() if not _is_off(item)}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
