"""A run directory: the truth about one run. W&B, tables and pages are views of it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ersm_lab.core.errors import UserError
from ersm_lab.files.atomic import write_json, write_text
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.runs.hashing import canonical_hash, package_digest
from ersm_lab.runs.provenance import provenance

SCHEMA_VERSION = 1
HEARTBEAT_SECONDS = 30
STALE_SECONDS = 600


class _Recorded:
    """A folder with a JSON record whose ``status`` says how far it got."""

    record_name = "run.json"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.artifacts = ArtifactStore(path / "artifacts")
        self._lock = threading.Lock()

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / self.record_name).read_text())
        return found

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration."""
        found = OmegaConf.to_container(OmegaConf.load(self.path / "config.yaml"))
        assert isinstance(found, dict)
        return {str(key): value for key, value in found.items()}

    @property
    def status(self) -> str:
        """``running``, ``finished``, ``failed``, ``interrupted``, or ``killed``: no sign of life."""
        record = self.record
        return "killed" if record["status"] == "running" and _is_stale(record) else str(record["status"])

    def update(self, **fields: Any) -> None:
        """Merges ``fields`` into the record, atomically."""
        with self._lock:
            write_json(self.path / self.record_name, {**self.record, **fields})

    def finish(self, status: str, summary: dict[str, Any] | None = None, error: str | None = None) -> None:
        """The final status, written last."""
        record = self.record
        end = datetime.now(UTC)
        start = datetime.fromisoformat(record["timings"]["started"])
        timings = {
            **record["timings"],
            "finished": _iso(end),
            "seconds": round((end - start).total_seconds(), 3),
        }
        self.update(
            status=status, summary=summary or record.get("summary") or {}, error=error, timings=timings
        )

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


class RunDirectory(_Recorded):
    """``outputs/<paper>/<experiment>/<date_time>-<short id>/``."""

    @classmethod
    def create(
        cls,
        outputs: Path,
        paper: str,
        experiment: str,
        config: dict[str, Any],
        overrides: list[str],
        record: dict[str, Any],
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
            path / "config.yaml", f"# overrides: {said}\n{OmegaConf.to_yaml(OmegaConf.create(config))}"
        )
        fields = {**record, "paper": paper, "experiment": experiment, "overrides": overrides}
        write_json(path / cls.record_name, _fresh(fields))
        return run

    @classmethod
    def open(cls, path: Path | str) -> RunDirectory:
        """An existing run directory. Raises ``UserError`` when there is none, or it is of a later version."""
        folder = Path(path)
        if not (folder / cls.record_name).is_file():
            raise UserError(f"{folder} is no run directory: it has no {cls.record_name}")
        run = cls(folder)
        try:
            record: object = run.record
        except json.JSONDecodeError as error:
            raise UserError(f"{folder / cls.record_name} is not JSON (line {error.lineno})") from error
        except UnicodeDecodeError as error:
            raise UserError(f"{folder / cls.record_name} is not text") from error
        if not isinstance(record, dict):
            raise UserError(f"{folder / cls.record_name} is no record of a run: a JSON object is expected")
        version = record.get("schema_version")
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
        before = self.record
        self.update(
            **_alive(),
            status="running",
            error=None,
            resumed=[*before.get("resumed", []), _iso(datetime.now(UTC))],
        )

    def evaluation(self, name: str, spec: dict[str, Any]) -> EvaluationDirectory:
        """``evaluations/<name>-<hash>/`` for what is evaluated later; the same request writes it again."""
        path = self.path / "evaluations" / f"{name}-{canonical_hash(spec)[:8]}"
        path.mkdir(parents=True, exist_ok=True)
        write_text(path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(spec)))
        evaluation = EvaluationDirectory(path)
        fields = {"name": name, "run": self.path.name, "spec": spec, "package_digest": package_digest()}
        write_json(path / evaluation.record_name, _fresh(fields))
        return evaluation


class EvaluationDirectory(_Recorded):
    """A later evaluation of a run, with a status of its own."""

    record_name = "evaluation.json"


class ComparisonDirectory(_Recorded):
    """``outputs/<paper>/comparisons/<name>-<hash>/``: what several runs give together; its record names its inputs."""

    record_name = "comparison.json"

    @classmethod
    def create(
        cls, outputs: Path, paper: str, name: str, inputs: list[str], spec: dict[str, Any]
    ) -> ComparisonDirectory:
        """The folder for these inputs and this request; asked for again, it is written again."""
        digest = canonical_hash({"inputs": sorted(inputs), "spec": spec})[:8]
        path = outputs / paper / "comparisons" / f"{name}-{digest}"
        path.mkdir(parents=True, exist_ok=True)
        write_text(path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(spec)))
        comparison = cls(path)
        fields = {"name": name, "inputs": inputs, "spec": spec, "package_digest": package_digest()}
        write_json(path / cls.record_name, _fresh(fields))
        return comparison


def _fresh(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "running",
        **fields,
        **_alive(),
        **provenance(),
        "timings": {"started": _iso(datetime.now(UTC))},
        "summary": {},
        "error": None,
    }


def _alive() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "heartbeat": time.time()}


def _is_stale(record: dict[str, Any]) -> bool:
    if record.get("host") == socket.gethostname():
        try:
            os.kill(int(record["pid"]), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
    return time.time() - float(record.get("heartbeat", 0)) > STALE_SECONDS


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
