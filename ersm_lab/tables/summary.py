"""What a table of runs says: means over seeds, the paper's figures, paired intervals between rows, and what is missing.

Reads run directories only: ``summary`` of ``run.json`` for the columns, ``artifacts/predictions`` for the intervals.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ersm_lab.core.errors import UserError
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.statistics.intervals import FEW_SEEDS, Interval, paired_bootstrap, widened_by_seeds

MARKS = ("†", "‡", "§", "¶")


def summarise(table: Mapping[str, Any], rows: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that the table says, as plain containers.

    Parameters
    ----------
    table: as ``config.tables.load_table`` gives it.
    rows: name -> an object with ``runs {seed: Path}``, ``failed {seed: message}``, ``trials`` and ``chosen``, for every row
        that is built.

    ``cells[row][column]`` holds ``mean``, ``std`` (sample standard deviation over seeds, None for one seed), ``n``, ``best`` and
    ``state``: ``ok``, ``partial`` (some seeds lack it), ``missing`` (runs failed), ``none`` (not a number of this row).
    ``reported[row][column]`` holds ``value`` and ``mark``, which ``daggers`` explains. Values are in the column's unit.
    ``missing`` says, a line each, what the table lacks; it is complete when that is empty.
    """
    seeds, columns = list(table["seeds"]), table["columns"]
    cells: dict[str, dict[str, Any]] = {}
    missing = _failures(rows)
    for name, plan in table["rows"].items():
        row = rows.get(name)
        records = {} if row is None else {
            seed: RunDirectory.open(path).record for seed, path in sorted(row.runs.items())
        }  # fmt: skip
        cells[name] = {}
        for key, column in columns.items():
            metric = _metric(column, plan)
            found = {
                seed: column["scale"] * value
                for seed, record in records.items()
                if (value := record.number(metric)) is not None
            }
            cells[name][key] = _cell(list(found.values()), 0 if row is None else len(row.failed))
            if found and len(found) < len(records):
                lacking = _seeds(seed for seed in records if seed not in found)
                missing.append(f"{name} {lacking}: reports no '{metric}'")
                cells[name][key]["state"] = "partial"
        if records and all(cell["state"] == "none" for cell in cells[name].values()):
            missing.append(f"{name}: its runs report none of the columns")
    for key, column in columns.items():
        means = {name: cell[key]["mean"] for name, cell in cells.items() if cell[key]["mean"] is not None}
        if not means and any(row.runs for row in rows.values()):
            missing.append(f"column {key}: no run reports '{column['metric']}'")
        if means and column["better"] != "neither":
            best = (max if column["better"] == "higher" else min)(means.values())
            for name, mean in means.items():
                cells[name][key]["best"] = mean == best
    reported, daggers = _reported(table)
    comparisons = [_compare(table, rows, item) for item in table["compare"]]
    for item in comparisons:
        failed = any(rows[item[side]].failed for side in ("row", "against"))
        if item["interval"] is None and not failed:  # what failed is named already
            missing.append(
                f"difference {item['row']} − {item['against']} in {item['column']}: no runs to compare"
            )
    return {
        "title": table["title"],
        "experiment": table["experiment"],
        "split": ", ".join(dict.fromkeys(column["metric"].partition("/")[0] for column in columns.values()
                                         if not column["metric"].startswith("cost/"))),
        "profile": table.get("profile"),
        "note": table["note"],
        "seeds": seeds,
        "columns": columns,
        "labels": {name: plan["label"] for name, plan in table["rows"].items()},
        "built": [name for name in table["rows"] if name in rows],
        "cells": cells,
        "reported": reported,
        "daggers": daggers,
        "comparisons": comparisons,
        "tuning": {
            name: {"chosen": row.chosen, "trials": row.trials} for name, row in rows.items() if row.trials
        },
        "runs": {name: {seed: str(path) for seed, path in row.runs.items()} for name, row in rows.items()},
        "missing": missing,
    }  # fmt: skip


def _metric(column: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    words = plan.get("words") or {}
    return str(column["metric"]).format(**words) if words else str(column["metric"])


def _cell(values: list[float], failed: int) -> dict[str, Any]:
    return {
        "mean": statistics.fmean(values) if values else None,
        "std": statistics.stdev(values) if len(values) > 1 else None,
        "n": len(values),
        "best": False,
        "state": ("partial" if failed else "ok") if values else ("missing" if failed else "none"),
    }


def _seeds(seeds: Iterable[int]) -> str:
    found = [str(seed) for seed in sorted(seeds)]
    return f"seed{'s' if len(found) > 1 else ''} {', '.join(found)}"


def _failures(rows: Mapping[str, Any]) -> list[str]:
    """What failed, alike on one line: seeds of rows; and trials, since every row is owed as many."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, row in rows.items():
        by_reason: dict[str, list[int]] = {}
        for seed, why in row.failed.items():
            by_reason.setdefault(why, []).append(seed)
        for why, seeds in by_reason.items():
            alike.setdefault((_seeds(seeds), why), []).append(name)
    lines = [f"{', '.join(names)} {seeds}: {why}" for (seeds, why), names in alike.items()]
    for name, row in rows.items():
        lost = [trial["run"] for trial in row.trials if trial["score"] is None]
        if lost and len(lost) < len(row.trials):
            lines.append(f"{name}: {len(lost)} of {len(row.trials)} trials failed, the first with: {lost[0]}")
    return lines


def _reported(table: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], list[dict[str, str]]]:
    """The paper's figures by row and column, and the reasons of their marks; one reason has one mark."""
    reasons: list[str] = []
    found: dict[str, dict[str, Any]] = {}
    for name, plan in table["rows"].items():
        for key, item in (plan.get("reported") or {}).items():
            mark = None
            if why := item.get("dagger"):
                if why not in reasons:
                    reasons.append(why)
                place = reasons.index(why)
                mark = MARKS[place % len(MARKS)] * (1 + place // len(MARKS))
            found.setdefault(name, {})[key] = {"value": float(item["value"]), "mark": mark}
    marks = [MARKS[place % len(MARKS)] * (1 + place // len(MARKS)) for place in range(len(reasons))]
    return found, [{"mark": mark, "why": why} for mark, why in zip(marks, reasons, strict=True)]


def _compare(table: Mapping[str, Any], rows: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """One paired difference in the column's unit, over the seeds that both rows have."""
    column = table["columns"][item["column"]]
    first, second = rows[item["row"]], rows[item["against"]]
    seeds = sorted(set(first.runs) & set(second.runs))
    found: dict[str, Any] = {**item, "label": column["label"], "interval": None}
    pairs: list[tuple[pd.Series, pd.Series]] = []
    for seed in seeds:
        one, other = (_per_image(row.runs[seed], column["per_image"]) for row in (first, second))
        if one is None or other is None:
            return found
        pairs.append((one, other))
    if not pairs:
        return found
    index = pairs[0][0].index
    if any(not series.index.equals(index) for pair in pairs for series in pair):
        raise UserError(
            f"compare {item['row']} with {item['against']}: their runs were tested on different images"
        )
    first_values, second_values = (
        column["scale"] * np.stack([pair[side].to_numpy(float) for pair in pairs]) for side in (0, 1)
    )
    interval = paired_bootstrap(first_values, second_values)
    if 2 <= len(pairs) < FEW_SEEDS:
        interval = widened_by_seeds(interval, np.nanmean(first_values - second_values, axis=1))
    return {**found, "interval": interval}


def _per_image(run: Path, name: str) -> pd.Series | None:
    frame = RunDirectory.open(run).artifacts.read_table("predictions").set_index("index").sort_index()
    return frame.get(name)


def verdict(interval: Interval, margin: float | None) -> str:
    """What an interval says: better, worse or undecided; with a margin, non-inferior or not shown to be."""
    if margin is not None:
        shown = interval.low > -margin
        return f"non-inferior at {margin:g}" if shown else f"not shown non-inferior at {margin:g}"
    if not interval.excludes_zero:
        return "undecided"
    return "higher" if interval.low > 0 else "lower"
