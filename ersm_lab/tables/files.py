"""Files of a table below ``<outputs>/tables/<name>/``: written, and read back by whoever goes on from a table."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.files.atomic import write_json, write_text, write_with
from ersm_lab.tables.schema import TableConfig, combinations
from ersm_lab.tables.summary import TableSummary
from ersm_lab.tables.text import frame, latex, markdown


def table_folder(outputs: Path, name: str) -> Path:
    return outputs / "tables" / name


def write_table(folder: Path, summary: TableSummary) -> dict[str, Path]:
    """Writes ``table.md``, ``table.tex``, ``table.csv`` and ``table.json``; returns them by ending."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {ending: folder / f"table.{ending}" for ending in ("md", "tex", "csv", "json")}
    write_text(paths["md"], markdown(summary))
    write_text(paths["tex"], latex(summary))
    write_with(paths["csv"], lambda path: frame(summary).to_csv(path, index=False))
    write_json(paths["json"], asdict(summary))
    return paths


def runs_of_table(name: str, outputs: Path) -> dict[str, dict[int, Path]]:
    """Run directories of a written table by row and seed.

    Raises
    ------
    UserError: the table has not been written, or cannot be read.
    """
    file = _json_of(name, outputs)
    if not file.is_file():
        raise UserError(f"table={name}: there is no {file}; make it with ersm-lab table {name}")
    try:
        held = json.loads(file.read_text(encoding="utf-8"))["runs"]
        return {row: {int(seed): Path(run) for seed, run in runs.items()} for row, runs in held.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"table={name}: {file} cannot be read; make it with ersm-lab table {name}") from error


def arms_of_table(name: str, outputs: Path) -> dict[Path, str | None]:
    """What a written table calls each of its runs: the row.

    None for a run that several rows share, such as rows that are parts of what one run reports: it is no arm of theirs.
    """
    arms: dict[Path, str | None] = {}
    for row, runs in runs_of_table(name, outputs).items():
        for run in runs.values():
            arms[run] = row if run not in arms else None
    return arms


def chosen_by_table(name: str, outputs: Path, table: TableConfig) -> dict[str, list[str]]:
    """The overrides that the trials of each tuned row chose, as the table that was written last says.

    Only what could be chosen today counts; nothing where no table was written, or not by this program.
    """
    try:
        tuning = json.loads(_json_of(name, outputs).read_text(encoding="utf-8"))["tuning"]
        held = {row: [str(word) for word in item["chosen"]] for row, item in tuning.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {
        row: words
        for row, words in held.items()
        if row in table.rows and words in combinations(table.rows[row].tune)
    }


def _json_of(name: str, outputs: Path) -> Path:
    return table_folder(outputs, name) / "table.json"
