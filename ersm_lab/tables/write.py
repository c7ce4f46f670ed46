"""Files of a table, below ``outputs/tables/<name>/``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ersm_lab.files.atomic import write_json, write_text, write_with
from ersm_lab.statistics.intervals import Interval
from ersm_lab.tables.text import frame, latex, markdown


def write_table(folder: Path, summary: Mapping[str, Any]) -> dict[str, Path]:
    """Writes ``table.md``, ``table.tex``, ``table.csv`` and ``table.json``; returns them by ending."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {ending: folder / f"table.{ending}" for ending in ("md", "tex", "csv", "json")}
    write_text(paths["md"], markdown(summary))
    write_text(paths["tex"], latex(summary))
    write_with(paths["csv"], lambda path: frame(summary).to_csv(path, index=False))
    write_json(paths["json"], _plain(summary))
    return paths


def _plain(value: Any) -> Any:
    if isinstance(value, Interval):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
