"""What is read back from a written table: its runs as arms, and what its trials chose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.tables.files import arms_of_table, chosen_by_table, runs_of_table
from ersm_lab.tables.schema import RowConfig, TableConfig


def written(outputs: Path, **held: Any) -> Path:
    file = outputs / "tables" / "two" / "table.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(held))
    return file


def test_rows_are_arms(tmp_path: Path) -> None:
    """Breaks when two rows of one variant cannot be told apart."""
    written(tmp_path, runs={"small": {"0": "a", "1": "b"}, "wide": {"0": "c"}})
    assert runs_of_table("two", tmp_path) == {"small": {0: Path("a"), 1: Path("b")}, "wide": {0: Path("c")}}
    assert arms_of_table("two", tmp_path) == {Path("a"): "small", Path("b"): "small", Path("c"): "wide"}


def test_rows_that_are_parts_of_one_run_do_not_name_it(tmp_path: Path) -> None:
    written(tmp_path, runs={"harris": {"0": "a"}, "canny": {"0": "a"}, "other": {"0": "b"}})
    assert arms_of_table("two", tmp_path) == {Path("a"): None, Path("b"): "other"}


def test_a_table_that_is_not_there_or_damaged_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no"):
        runs_of_table("two", tmp_path)
    written(tmp_path).write_text("{")
    with pytest.raises(UserError, match="cannot be read; make it with ersm-lab table two"):
        runs_of_table("two", tmp_path)


def test_only_what_could_be_chosen_today_counts(tmp_path: Path) -> None:
    tuned = RowConfig("tuned", tune={"optimizer.lr": [0.1, 0.2]})
    table = TableConfig("T", experiment="p/x", rows={"good": tuned, "gone": tuned})
    assert chosen_by_table("two", tmp_path, table) == {}
    chosen = {"good": ["optimizer.lr=0.2"], "gone": ["optimizer.lr=7"], "old": ["optimizer.lr=0.1"]}
    written(tmp_path, tuning={name: {"chosen": words} for name, words in chosen.items()})
    assert chosen_by_table("two", tmp_path, table) == {"good": ["optimizer.lr=0.2"]}
    written(tmp_path, tuning=[])
    assert chosen_by_table("two", tmp_path, table) == {}
