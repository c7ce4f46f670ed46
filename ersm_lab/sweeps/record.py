"""The folder of a sweep: what it was asked, and how each of its cells ended. Written atomically while it runs."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain
from ersm_lab.files.atomic import write_json
from ersm_lab.launch.jobs import Outcome, Watcher
from ersm_lab.runs.hashing import canonical_hash
from ersm_lab.sweeps.request import SweepRequest

_EVERY = 1.0  # seconds between writings


def sweep_folder(outputs: Path, name: str, identity: object) -> Path:
    """``outputs/sweeps/<name>-<hash>``: the same for the same sweep."""
    return outputs / "sweeps" / f"{name.replace('/', '-')}-{canonical_hash(identity)[:8]}"


class SweepRecord(Watcher):
    """``sweep.json`` in the sweep's folder; the same sweep writes the same file again.

    Parameters
    ----------
    folder: see ``sweep_folder``.
    request: what was asked.
    names: what to call the cells that are known of by now, by config hash.
    """

    def __init__(self, folder: Path, request: SweepRequest, names: Mapping[str, str]) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._names = names
        self._fields: dict[str, object] = {
            "name": request.name,
            "command": request.said,
            "launcher": plain(request.launch.launcher),
            "jobs": request.launch.jobs,
        }
        if request.search is not None:
            self._fields["search"] = plain(request.search)
        self._fields["started"] = _now()
        self._cells: dict[str, dict[str, object]] = {
            digest: {"config_hash": digest, "name": name, "state": "waiting"}
            for digest, name in names.items()
        }
        self._written = 0.0
        self._write("running")

    @property
    def path(self) -> Path:
        return self.folder / "sweep.json"

    def settled(self, outcome: Outcome) -> None:
        digest = outcome.cell.config_hash
        self._cells[digest] = {
            "config_hash": digest,
            "name": self._names.get(digest, outcome.cell.label),
            "state": outcome.state,
            "overrides": list(outcome.cell.experiment.overrides),
            "path": str(outcome.path),
            "message": outcome.message,
            "seconds": round(outcome.seconds, 3),
        }
        if time.monotonic() - self._written > _EVERY:
            # a full disk ends the runs that need it, not the sweep
            with contextlib.suppress(OSError, UserError):
                self._write("running")

    def close(self, outcomes: Sequence[Outcome] | None, **fields: object) -> None:
        """The last word: ``finished``, ``failed`` when a cell is, ``interrupted`` when there are no outcomes."""
        self._fields |= fields
        if outcomes is None:
            status = "interrupted"
        else:
            status = "failed" if any(outcome.state == "failed" for outcome in outcomes) else "finished"
        try:
            self._write(status)
        except (OSError, UserError) as error:  # what failed is told all the same
            print(f"{self.path} is not up to date: {error}", file=sys.stderr)

    def _write(self, status: str) -> None:
        self._written = time.monotonic()
        cells = list(self._cells.values())
        write_json(self.path, {**self._fields, "status": status, "written": _now(), "cells": cells})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
