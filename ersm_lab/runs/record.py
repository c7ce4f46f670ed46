"""The record of a run: ``run.json`` as a frozen dataclass, and its relatives of evaluations and comparisons.

Reading is lenient, for records outlive the code that wrote them: a key that is unknown here is kept in ``extra``, one that is
absent takes its default, and one of another kind takes its default and is named in ``odd``.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import socket
import time
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from ersm_lab.core.protocols import Scalar
from ersm_lab.core.settings import plain

SCHEMA_VERSION = 1
STALE_SECONDS = 600

Summary = Mapping[str, Scalar]

# of fields that a record gets later: absent from the file until then
_LATER = {"later": True}


@dataclass(frozen=True)
class _FromJson:
    """A dataclass that is read from, and written as, a JSON object."""

    extra: Mapping[str, object] = field(default_factory=dict, kw_only=True)
    odd: tuple[str, ...] = field(default=(), kw_only=True)

    @classmethod
    def from_json(cls, found: object) -> Self:
        """What a JSON object says. Raises ``ValueError`` for anything but an object."""
        if not isinstance(found, Mapping):
            raise ValueError(f"a JSON object is expected, not {type(found).__name__}")
        kinds = _kinds(cls)  # type: ignore[arg-type]  # a class is hashable
        taken: dict[str, object] = {}
        odd: list[str] = []
        for name in kinds.keys() & found.keys():
            try:
                taken[name] = _as(kinds[name], found[name])
            except ValueError:
                odd.append(name)
        extra = {str(key): value for key, value in found.items() if key not in kinds}
        ordered = tuple(name for name in found if name in odd)
        return cls(**taken, extra=extra, odd=ordered)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, object]:
        """As plain containers; what comes later is left out until it is there."""
        written: dict[str, object] = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if item.name in ("extra", "odd") or (value is None and "later" in item.metadata):
                continue
            written[item.name] = value.to_json() if isinstance(value, _FromJson) else plain(value)
        return {**written, **self.extra}


@dataclass(frozen=True)
class Timings(_FromJson):
    """Start and end in ISO 8601, UTC, and the seconds between."""

    started: str = ""
    finished: str | None = field(default=None, metadata=_LATER)
    seconds: float | None = field(default=None, metadata=_LATER)


@dataclass(frozen=True)
class GitState(_FromJson):
    """The commit of the package's repository, and a digest of what is not committed; all None outside of one."""

    commit: str | None = None
    dirty: bool | None = None
    diff_hash: str | None = None


@dataclass(frozen=True)
class Record(_FromJson):
    """What every record says: how far it got, where, made by which code, and what came of it."""

    schema_version: int = 0
    status: str = ""
    host: str = ""
    pid: int = 0
    heartbeat: float = 0.0
    versions: Mapping[str, str | None] = field(default_factory=dict)
    git: GitState = field(default_factory=GitState)
    hardware: Mapping[str, object] = field(default_factory=dict)
    command: str = ""
    timings: Timings = field(default_factory=Timings)
    summary: Summary = field(default_factory=dict)
    error: str | None = None
    package_digest: str = ""

    def number(self, metric: str) -> float | None:
        """A number of the summary; None where there is none, or it was not finite."""
        value = self.summary.get(metric)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return float(value)

    @property
    def is_killed(self) -> bool:
        """Whether it says ``running`` although nobody runs it: its process is gone, or has been silent for ten minutes."""
        if self.status != "running":
            return False
        if self.host == socket.gethostname():
            try:
                os.kill(self.pid, 0)
            except ProcessLookupError:
                return True
            except PermissionError:
                pass
        return time.time() - self.heartbeat > STALE_SECONDS


@dataclass(frozen=True)
class RunIdentity:
    """What makes two runs the same run.

    Parameters
    ----------
    config_hash: of everything that the result depends on; see ``ersm_lab.runs.hashing.config_hash``.
    data_fingerprint: what the data hold.
    package_digest: of the code; another digest is no other run, but it is told.
    seed: of the run.
    upstream: config hashes of the runs that it is built on, by role.
    """

    config_hash: str = ""
    data_fingerprint: str = ""
    package_digest: str = ""
    seed: int | None = None
    upstream: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord(RunIdentity, Record):
    """``run.json``: the record of a run.

    ``resumed`` holds the moments at which it was gone on with, ``parameters`` the number of the model's weights, ``gpu`` name
    and memory of the device.
    """

    paper: str = ""
    experiment: str = ""
    overrides: tuple[str, ...] = ()
    parameters: int | None = field(default=None, metadata=_LATER)
    gpu: Mapping[str, object] | None = field(default=None, metadata=_LATER)
    resumed: tuple[str, ...] | None = field(default=None, metadata=_LATER)


@dataclass(frozen=True)
class EvaluationRecord(Record):
    """``evaluation.json``: of a later evaluation of the run whose folder is named ``run``; ``spec`` is what was asked for."""

    name: str = ""
    run: str = ""
    spec: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparisonRecord(Record):
    """``comparison.json``: of several evaluations, whose folders are its ``inputs``."""

    name: str = ""
    inputs: tuple[str, ...] = ()
    spec: Mapping[str, object] = field(default_factory=dict)


@functools.cache
def _kinds(cls: type[_FromJson]) -> dict[str, object]:
    """The type of every field, by name."""
    hints = typing.get_type_hints(cls)
    return {
        item.name: hints[item.name] for item in dataclasses.fields(cls) if item.name not in ("extra", "odd")
    }


def _as(kind: object, value: object) -> object:
    """``value`` as the type ``kind``. Raises ``ValueError`` where it is of another one."""
    if isinstance(kind, types.UnionType):  # with None: the only union here
        if value is None:
            return None
        (kind,) = (option for option in typing.get_args(kind) if option is not types.NoneType)
    origin = typing.get_origin(kind) or kind
    if isinstance(origin, type) and issubclass(origin, _FromJson):
        return origin.from_json(value)
    if origin is tuple and isinstance(value, list):
        return tuple(str(item) for item in value)
    if origin is float and isinstance(value, int):
        return float(value)
    if not isinstance(origin, type) or not isinstance(value, origin):
        raise ValueError(f"{value!r} is no {kind}")
    return value
