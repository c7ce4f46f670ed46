"""``metrics.csv``: the history of a run, always written, readable at any moment."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytorch_lightning.loggers.logger import Logger

from ersm_lab.core.protocols import Scalar
from ersm_lab.files.atomic import replacing
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.tracking.guard import Guard, GuardedLogger

FIRST_COLUMNS = ("epoch", "step")


class HistoryWriter(Logger):
    """Appends rows to a CSV file: ``epoch, step``, then metrics in the order in which they first appeared.

    What Lightning logs in several calls at one step (validation, then the epoch's means) becomes one row,
    unless a metric comes twice. A row is appended at once with a single system call; a second call at its
    step, or a new column (older rows get empty cells), writes the file anew beside it and renames. So a
    reader meanwhile, or after a kill, finds whole rows up to the last line break.

    An existing file is continued. Where a resumed training goes through steps again, its rows replace the
    earlier ones: the first row written drops those of later steps, so that every step is there once.

    Parameters
    ----------
    path: the file; its folder must exist. Numbers are written with all digits of a float64.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = Path(path)
        self._columns: list[str] = []
        # the last row, which a later call at the same step may still fill, and where it begins in the file
        self._row: dict[str, str] = {}
        self._offset = 0
        self._file: int | None = None

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self._path.parent)

    def log_hyperparams(self, params: object, *args: object, **keywords: object) -> None:
        """Nothing: the configuration lies beside the file."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """One row, or the rest of the last one. ``epoch`` may be among the metrics, as Lightning has it."""
        cells = {name: _cell(name, value) for name, value in metrics.items() if name != "step"}
        cells["step"] = "" if step is None else str(int(step))
        if self._file is None:
            self._open(step, cells)
        same_row = self._row and all(self._row.get(k, "") == cells.get(k, "") for k in FIRST_COLUMNS)
        same_row = same_row and not any(self._row.get(k) for k in cells if k not in FIRST_COLUMNS)
        new = [name for name in cells if name not in self._columns]
        if new:
            self._add_columns(new)
        assert self._file is not None
        row = self._row | cells if same_row else cells
        line = _line([row.get(name, "") for name in self._columns])
        if same_row:
            # not over the old one in place: a reader at its end would go on in the middle of the new one
            self._put(self._path.read_bytes()[: self._offset] + line)
        else:
            self._offset = os.fstat(self._file).st_size
            _write(self._file, line, self._offset)
        self._row = row

    def finalize(self, status: str) -> None:
        """Closes the file; a later call opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self, step: int | None, coming: Mapping[str, str]) -> None:
        """Opens the file, new or to be continued with the cells ``coming`` at ``step``."""
        header, rows = _read(self._path)
        self._columns = header or list(FIRST_COLUMNS)
        if step is not None and not self._row:
            rows = [row for row in rows if not row[1] or int(row[1]) <= step]
            if rows and rows[-1][1] == str(step):
                last = dict(zip(self._columns, rows[-1], strict=True))
                self._row = {k: "" if k in coming and k not in FIRST_COLUMNS else v for k, v in last.items()}
                rows[-1] = list(self._row.values())
        # always rewritten: a killed process may have left half a line at the end
        self._replace(rows)

    def _add_columns(self, names: list[str]) -> None:
        _, rows = _read(self._path)
        self._columns += names
        self._replace(rows)

    def _replace(self, rows: list[list[str]]) -> None:
        """Puts a file with ``rows``, padded to the present columns, in the place of the old one."""
        width = len(self._columns)
        lines = [_line(self._columns), *(_line(row + [""] * (width - len(row))) for row in rows)]
        self._put(b"".join(lines))
        self._offset = sum(map(len, lines)) - len(lines[-1])

    def _put(self, data: bytes) -> None:
        """The whole file at once: a reader has the old one or the new one."""
        with replacing(self._path, durable=False) as temporary:
            temporary.write_bytes(data)
        if self._file is not None:
            os.close(self._file)
        self._file = os.open(self._path, os.O_RDWR)


class MetricsLogger(GuardedLogger, HistoryWriter):
    """The history writer as the trainer gets it: a full disk costs rows, not the run."""

    def __init__(self, path: Path, guard: Guard) -> None:
        super().__init__(path)
        self.guard = guard


class MetricsFile:
    """The tracker behind ``metrics.csv``. Artifacts and summary are in the run directory already."""

    def __init__(self, path: Path) -> None:
        self.name = "metrics.csv"
        self.lightning_logger = MetricsLogger(path, Guard(self.name))

    def publish(
        self, artifacts: ArtifactStore, summary: Mapping[str, Scalar], checkpoints: Sequence[Path]
    ) -> None:
        """Nothing: they are where the file is."""

    def close(self, status: str) -> None:
        self.lightning_logger.finalize(status)


def _cell(name: str, value: float) -> str:
    number = float(value)
    return str(int(number)) if name == "epoch" and number.is_integer() else repr(number)


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _write(file: int, data: bytes, offset: int) -> None:
    while data:
        done = os.pwrite(file, data, offset)
        data, offset = data[done:], offset + done


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and whole rows of a history; what is no row of it (a torn line, another file) is left out."""
    if not path.is_file():
        return [], []
    whole = path.read_bytes().rpartition(b"\n")[0].decode(errors="replace")
    header, *rows = [*csv.reader(io.StringIO(whole))] or [[]]
    if tuple(header[:2]) != FIRST_COLUMNS:
        return [], []
    return header, [row for row in rows if len(row) == len(header) and (not row[1] or row[1].isdigit())]
