"""A table of runs as Markdown, LaTeX, CSV and JSON, with paired intervals between rows.

Reads run directories only: ``summary`` of ``run.json`` for the columns, ``artifacts/predictions`` for the intervals.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ersm_lab.errors import UserError
from ersm_lab.metrics.intervals import Interval, paired_bootstrap
from ersm_lab.runs.directory import RunDirectory


def summarise(table: Mapping[str, Any], rows: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that the table says, as plain containers.

    Parameters
    ----------
    table: as ``config.tables.load_table`` gives it.
    rows: name -> an object with ``runs {seed: Path}``, ``failed {seed: message}``, ``trials`` and ``chosen``.

    ``cells[row][column]`` holds ``mean``, ``std`` (sample standard deviation over seeds, None for one seed), ``n`` and
    ``best``; values are in the column's unit.
    """
    cells: dict[str, dict[str, Any]] = {}
    for name, row in rows.items():
        records = [RunDirectory.open(path).record["summary"] for _, path in sorted(row.runs.items())]
        cells[name] = {}
        for key, column in table["columns"].items():
            values = [record[column["metric"]] for record in records if column["metric"] in record]
            scaled = [column["scale"] * float(value) for value in values]
            cells[name][key] = {
                "mean": statistics.fmean(scaled) if scaled else None,
                "std": statistics.stdev(scaled) if len(scaled) > 1 else None,
                "n": len(scaled),
                "best": False,
            }
    for key, column in table["columns"].items():
        means = {name: cell[key]["mean"] for name, cell in cells.items() if cell[key]["mean"] is not None}
        if means and column["better"] != "neither":
            best = (max if column["better"] == "higher" else min)(means.values())
            for name, mean in means.items():
                cells[name][key]["best"] = mean == best
    return {
        "title": table["title"],
        "experiment": table["experiment"],
        "note": table["note"],
        "seeds": table["seeds"],
        "columns": table["columns"],
        "labels": {name: table["rows"][name]["label"] for name in rows},
        "cells": cells,
        "comparisons": [_compare(table, rows, item) for item in table["compare"]],
        "tuning": {
            name: {"chosen": row.chosen, "trials": row.trials} for name, row in rows.items() if row.trials
        },
        "runs": {name: {seed: str(path) for seed, path in row.runs.items()} for name, row in rows.items()},
        "missing": [f"{name} seed {seed}: {why}" for name, row in rows.items() for seed, why in row.failed.items()],
    }  # fmt: skip


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
    scale = column["scale"]
    interval = paired_bootstrap(
        np.stack([scale * pair[0].to_numpy(float) for pair in pairs]),
        np.stack([scale * pair[1].to_numpy(float) for pair in pairs]),
        margin=item["margin"],
    )
    return {**found, "interval": interval}


def _per_image(run: Path, name: str) -> pd.Series | None:
    frame = RunDirectory.open(run).artifacts.read_table("predictions").set_index("index").sort_index()
    return frame.get(name)


def markdown(summary: Mapping[str, Any]) -> str:
    """The table, its comparisons and its tuning as Markdown."""
    columns = summary["columns"]
    lines = [
        f"**{summary['title']}** (`{summary['experiment']}`, test split, mean ± standard deviation over seeds, n)",
        "",
    ]
    lines.append("| | " + " | ".join(column["label"] for column in columns.values()) + " | n |")
    lines.append("| --- |" + " ---: |" * (len(columns) + 1))
    for name, row in summary["cells"].items():
        shown = [_shown(cell, columns[key], bold="**{}**") for key, cell in row.items()]
        count = max(cell["n"] for cell in row.values())
        lines.append(f"| {summary['labels'][name]} | " + " | ".join(shown) + f" | {count} |")
    if summary["missing"]:
        lines += ["", "**Incomplete:** " + "; ".join(summary["missing"])]
    if summary["comparisons"]:
        lines += [
            "",
            "| difference | in | estimate | 95 % interval | verdict | images | seeds |",
            "| --- | --- | ---: | ---: | --- | ---: | ---: |",
        ]
        for item in summary["comparisons"]:
            lines.append(_comparison(item, summary))
        methods = {item["interval"].method for item in summary["comparisons"] if item["interval"]}
        lines += ["", f"Intervals: {'; '.join(sorted(methods)) or 'none'}."]
    if summary["tuning"]:
        lines += ["", "Chosen on validation: " + "; ".join(
            f"{summary['labels'][name]} `{' '.join(tuned['chosen'])}` (of {len(tuned['trials'])} trials)"
            for name, tuned in summary["tuning"].items()
        ) + "."]  # fmt: skip
    if summary["note"]:
        lines += ["", summary["note"]]
    return "\n".join(lines) + "\n"


def _comparison(item: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    labels, interval = summary["labels"], item["interval"]
    what = f"| {labels[item['row']]} − {labels[item['against']]} | {item['label']} |"
    if interval is None:
        return f"{what} missing | | | | |"
    return (
        f"{what} {interval.estimate:+.2f} | {interval.low:+.2f} to {interval.high:+.2f} | {verdict(interval, item['margin'])} | "
        f"{interval.n_images} | {interval.n_seeds} |"
    )


def verdict(interval: Interval, margin: float | None) -> str:
    """What an interval says: better, worse or undecided; with a margin, non-inferior or not shown to be."""
    if margin is not None:
        return (
            f"non-inferior at {margin:g}"
            if interval.non_inferior
            else f"not shown non-inferior at {margin:g}"
        )
    if not interval.excludes_zero:
        return "undecided"
    return "higher" if interval.low > 0 else "lower"


def _shown(cell: Mapping[str, Any], column: Mapping[str, Any], bold: str) -> str:
    if cell["mean"] is None:
        return "–"
    text = f"{cell['mean']:.{column['digits']}f}"
    if cell["std"] is not None:
        text += f" ± {cell['std']:.{column['digits']}f}"
    return bold.format(text) if cell["best"] else text


def latex(summary: Mapping[str, Any]) -> str:
    """The table alone, for booktabs."""
    columns = summary["columns"]
    lines = ["\\begin{tabular}{l" + "r" * (len(columns) + 1) + "}", "\\toprule"]
    lines.append(" & ".join(["", *(_tex(column["label"]) for column in columns.values()), "$n$"]) + " \\\\")
    lines.append("\\midrule")
    for name, row in summary["cells"].items():
        shown = [
            _shown(cell, columns[key], bold="\\textbf{{{}}}").replace("±", "$\\pm$").replace("–", "--")
            for key, cell in row.items()
        ]
        count = str(max(cell["n"] for cell in row.values()))
        lines.append(" & ".join([_tex(summary["labels"][name]), *shown, count]) + " \\\\")
    lines += ["\\bottomrule", "\\end{tabular}"]
    if summary["missing"]:
        lines.append("% incomplete: " + "; ".join(summary["missing"]))
    return "\n".join(lines) + "\n"


def _tex(text: str) -> str:
    for character in "&%#_":
        text = text.replace(character, f"\\{character}")
    return text


def frame(summary: Mapping[str, Any]) -> pd.DataFrame:
    """Tidy: one line per row and column."""
    return pd.DataFrame(
        [
            {"row": name, "column": key, "mean": cell["mean"], "std": cell["std"], "n": cell["n"]}
            for name, row in summary["cells"].items()
            for key, cell in row.items()
        ]
    )
