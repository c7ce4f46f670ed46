"""A run directory: the truth about one run. W&B, tables and pages are views of it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar

from omegaconf import OmegaConf

from ersm_lab.core.errors import UserError
from ersm_lab.files.atomic import write_json, write_text
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.runs.hashing import canonical_hash, package_digest
from ersm_lab.runs.provenance import git_state, hardware, versions
from ersm_lab.runs.record import (
    SCHEMA_VERSION,
    ComparisonRecord,
    EvaluationRecord,
    GitState,
    Record,
    RunIdentity,
    RunRecord,
    Summary,
    Timings,
)

HEARTBEAT_SECONDS = 30

R = TypeVar("R", bound=Record)


class _Recorded(Generic[R]):
    """A folder with a JSON record whose ``status`` says how far it got."""

    record_name: str
    _kind: type[R]

    def __init__(self, path: Path) -> None:
        self.path = path
        self.artifacts = ArtifactStore(path / "artifacts")
        self._lock = threading.Lock()

    @property
    def record(self) -> R:
        """What the record says now. Raises ``OSError`` where there is none, ``ValueError`` where it is none."""
        return self._kind.from_json(self._read())

    def _read(self) -> object:
        found: object = json.loads((self.path / self.record_name).read_text())
        return found

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration, as plain containers."""
        found = OmegaConf.to_container(OmegaConf.load(self.path / "config.yaml"))
        assert isinstance(found, dict)
        return {str(key): value for key, value in found.items()}

    @property
    def status(self) -> str:
        """``running``, ``finished``, ``failed``, ``interrupted``, or ``killed``: no sign of life."""
        record = self.record
        return "killed" if record.is_killed else record.status

    def update(self, **fields: object) -> None:
        """Merges ``fields`` into the record, atomically."""
        with self._lock:
            before = self._read()
            assert isinstance(before, dict)
            write_json(self.path / self.record_name, {**before, **fields})

    def finish(self, status: str, summary: Summary | None = None, error: str | None = None) -> None:
        """The final status, written last."""
        record = self.record
        end = datetime.now(UTC)
        seconds = (end - datetime.fromisoformat(record.timings.started)).total_seconds()
        timings = replace(record.timings, finished=_iso(end), seconds=round(seconds, 3))
        self.update(status=status, summary=summary or record.summary, error=error, timings=timings.to_json())

    def heartbeat(self) -> None:
        self.update(heartbeat=time.time())

    @contextmanager
    def heartbeats(self) -> Iterator[None]:
        """A sign of life every 30 seconds while the block runs."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(HEARTBEAT_SECONDS):
                try:
                    self.heartbeat()
                except (OSError, UserError):  # a full disk is reported by whoever writes results
                    continue

        thread = threading.Thread(target=beat, daemon=True, name="heartbeat")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


class RunDirectory(_Recorded[RunRecord]):
    """``outputs/<paper>/<experiment>/<date_time>-<short id>/``."""

    record_name, _kind = "run.json", RunRecord

    @classmethod
    def create(
        cls,
        outputs: Path,
        paper: str,
        experiment: str,
        config: Mapping[str, object],
        overrides: Sequence[str],
        identity: RunIdentity,
    ) -> RunDirectory:
        """Makes a folder that nobody else has, with ``config.yaml`` and a ``run.json`` that says running."""
        parent = outputs / paper / experiment
        try:
            parent.mkdir(parents=True, exist_ok=True)
            while True:
                path = parent / f"{datetime.now():%Y%m%d_%H%M%S}-{secrets.token_hex(3)}"
                try:
                    path.mkdir()  # exclusive: of two runs started at once, one gets it
                    (path / "checkpoints").mkdir()
                    break
                except FileExistsError:
                    continue
        except OSError as error:
            raise UserError(
                f"cannot make a run directory below {outputs}: {error.strerror}; set paths.outputs"
            ) from error
        run = cls(path)
        said = " ".join(" ".join(overrides).split()) or "(none)"  # a line break would end the comment
        write_text(
            path / "config.yaml", f"# overrides: {said}\n{OmegaConf.to_yaml(OmegaConf.create(dict(config)))}"
        )
        record = RunRecord(
            **_beginning(),
            **vars(identity),
            paper=paper,
            experiment=experiment,
            overrides=tuple(overrides),
        )
        write_json(path / cls.record_name, record.to_json())
        return run

    @classmethod
    def open(cls, path: Path | str) -> RunDirectory:
        """An existing run directory. Raises ``UserError`` when there is none, or it is of a later version."""
        folder = Path(path)
        if not (folder / cls.record_name).is_file():
            raise UserError(f"{folder} is no run directory: it has no {cls.record_name}")
        run = cls(folder)
        try:
            version = run.record.schema_version
        except json.JSONDecodeError as error:
            raise UserError(f"{folder / cls.record_name} is not JSON (line {error.lineno})") from error
        except UnicodeDecodeError as error:
            raise UserError(f"{folder / cls.record_name} is not text") from error
        except ValueError as error:
            raise UserError(f"{folder / cls.record_name} is no record of a run: {error}") from error
        if version != SCHEMA_VERSION:
            raise UserError(
                f"{folder} has schema version {version}, but this version of ersm_lab reads {SCHEMA_VERSION}"
            )
        return run

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def metrics_path(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def log_path(self) -> Path:
        return self.path / "run.log"

    def restart(self) -> None:
        """Marks an unfinished run as running again, by this process."""
        resumed = [*(self.record.resumed or ()), _iso(datetime.now(UTC))]
        self.update(**_alive(), status="running", error=None, resumed=resumed)

    def evaluation(self, name: str, spec: Mapping[str, object]) -> EvaluationDirectory:
        """``evaluations/<name>-<hash>/`` for what is evaluated later; the same request writes it again."""
        path = self.path / "evaluations" / f"{name}-{canonical_hash(spec)[:8]}"
        path.mkdir(parents=True, exist_ok=True)
        write_text(path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(dict(spec))))
        evaluation = EvaluationDirectory(path)
        record = EvaluationRecord(
            **_beginning(), name=name, run=self.path.name, spec=spec, package_digest=package_digest()
        )
        write_json(path / evaluation.record_name, record.to_json())
        return evaluation


class EvaluationDirectory(_Recorded[EvaluationRecord]):
    """A later evaluation of a run, with a status of its own."""

    record_name, _kind = "evaluation.json", EvaluationRecord


class ComparisonDirectory(_Recorded[ComparisonRecord]):
    """``outputs/<paper>/comparisons/<name>-<hash>/``: what several runs give together; its record names its inputs."""

    record_name, _kind = "comparison.json", ComparisonRecord

    @classmethod
    def create(
        cls, outputs: Path, paper: str, name: str, inputs: Sequence[str], spec: Mapping[str, object]
    ) -> ComparisonDirectory:
        """The folder for these inputs and this request; asked for again, it is written again."""
        digest = canonical_hash({"inputs": sorted(inputs), "spec": spec})[:8]
        path = outputs / paper / "comparisons" / f"{name}-{digest}"
        path.mkdir(parents=True, exist_ok=True)
        write_text(path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(dict(spec))))
        record = ComparisonRecord(
            **_beginning(), name=name, inputs=tuple(inputs), spec=spec, package_digest=package_digest()
        )
        write_json(path / cls.record_name, record.to_json())
        return cls(path)


class _Alive(TypedDict):
    host: str
    pid: int
    heartbeat: float


class _Beginning(_Alive):
    schema_version: int
    status: str
    versions: Mapping[str, str | None]
    git: GitState
    hardware: Mapping[str, object]
    command: str
    timings: Timings


def _beginning() -> _Beginning:
    """What every record says from the start."""
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "running",
        **_alive(),
        "versions": versions(),
        "git": GitState(**git_state()),
        "hardware": hardware(),
        "command": " ".join(sys.argv),
        "timings": Timings(started=_iso(datetime.now(UTC))),
    }


def _alive() -> _Alive:
    return {"host": socket.gethostname(), "pid": os.getpid(), "heartbeat": time.time()}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
