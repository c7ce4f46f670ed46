"""Tables, comparisons and claims below a folder of outputs, as the page shows them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ersm_lab.report.curves import number
from ersm_lab.report.payload import link
from ersm_lab.runs.artifacts import Artifact, ArtifactStore
from ersm_lab.runs.directory import ComparisonDirectory

MOST_ROWS = 500


def read_tables(outputs: Path, page: Path, notes: list[str]) -> list[dict[str, Any]]:
    """What ``ersm-lab table`` wrote: ``tables/<name>/table.json``."""
    found = []
    for path in sorted((outputs / "tables").glob("*/table.json")):
        try:
            found.append(
                {**_table(json.loads(path.read_text(encoding="utf-8"))), "href": link(path.parent, page)}
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            notes.append(f"{path}: not a table that this version reads")
    return found


def _table(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Cells as numbers; what a comparison says, in words."""
    columns, reported, seeds = summary["columns"], summary.get("reported") or {}, summary.get("seeds")
    built = summary.get("built", list(summary["cells"]))
    return {
        "title": str(summary["title"]),
        "experiment": summary.get("experiment"),
        "note": summary.get("note") or "",
        "columns": [
            {
                "key": key,
                "label": item["label"],
                "digits": item.get("digits", 2),
                "better": item.get("better"),
                "reported": any(key in figures for figures in reported.values()),
            }
            for key, item in columns.items()
        ],
        "rows": [
            {
                "label": summary["labels"].get(name, name),
                "cells": [cells.get(key) for key in columns],
                "built": name in built,
                "reported": [(reported.get(name) or {}).get(key) for key in columns],
                "runs": [Path(run).name for run in (summary.get("runs") or {}).get(name, {}).values()],
            }
            for name, cells in summary["cells"].items()
        ],
        "seeds": len(seeds) if isinstance(seeds, list) else None,
        "split": summary.get("split"),
        "daggers": [f"{item['mark']} not comparable: {item['why']}" for item in summary.get("daggers") or []],
        "comparisons": [_comparison(item, summary["labels"]) for item in summary.get("comparisons") or []],
        "missing": [str(line) for line in summary.get("missing") or []],
    }


def _comparison(item: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    # both need numpy and scipy at most: no torch
    from ersm_lab.statistics.intervals import Interval
    from ersm_lab.tables.comparisons import verdict

    interval = item.get("interval")
    said = verdict(Interval(**interval), item.get("margin")) if interval else "missing"
    what = f"{labels.get(item['row'], item['row'])} − {labels.get(item['against'], item['against'])}"
    shown = {key: (interval or {}).get(key) for key in ("estimate", "low", "high", "n_images", "n_seeds")}
    return {"what": what, "label": item.get("label"), "verdict": said, **shown}


def read_comparisons(
    outputs: Path, page: Path, notes: list[str]
) -> Iterator[tuple[dict[str, Any], dict[str, Artifact]]]:
    """Finished comparisons of several runs, newest first, each with its artifacts; tables of at most 500 rows."""
    found = []
    for path in outputs.glob(f"*/comparisons/*/{ComparisonDirectory.record_name}"):
        try:
            folder = ComparisonDirectory(path.parent)
            record = folder.record
            if record.status == "finished":
                entries = {entry.name: entry for entry in folder.artifacts.entries()}
                started = record.timings.started
                found.append((started, record, entries, folder.artifacts))
        except (OSError, ValueError, KeyError, TypeError):
            notes.append(f"{path}: cannot be read")
    for started, record, entries, store in sorted(found, key=lambda item: item[0], reverse=True):
        folder_path = store.path.parent
        yield (
            {
                "name": f"{folder_path.parent.parent.name}: {folder_path.name}",
                "href": link(folder_path, page),
                "started": started,
                "inputs": list(record.inputs),
                "summary": dict(record.summary),
                "tables": [
                    table
                    for entry in entries.values()
                    if entry.kind == "table" and (table := _csv(entry, store, notes))
                ],
            },
            entries,
        )


def _csv(entry: Artifact, store: ArtifactStore, notes: list[str]) -> dict[str, Any] | None:
    path = next((path for path in entry.paths if path.suffix == ".csv" and path.is_file()), None)
    if path is None:
        return None
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            head, *rows = list(csv.reader(file)) or [[]]
    except (OSError, csv.Error):
        notes.append(f"{path}: cannot be read")
        return None
    cells = [
        [value if (value := number(cell)) is not None else cell for cell in row] for row in rows[:MOST_ROWS]
    ]
    return {
        "title": entry.title or entry.name,
        "description": entry.description,
        "columns": head,
        "rows": cells,
        "left_out": max(0, len(rows) - MOST_ROWS),
    }


def read_claims(outputs: Path, notes: list[str]) -> list[dict[str, Any]]:
    """The verdicts that ``ersm-lab claims`` wrote to ``claims/claims.json``, each with its parts and the runs it rests on."""
    path = outputs / "claims" / "claims.json"
    if not path.is_file():
        return []
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
        return [_claim(record, loaded.get("parts", [])) for record in loaded["claims"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        notes.append(f"{path}: not claims that this version reads")
        return []


def _claim(record: Mapping[str, Any], parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    same = ("claim", "variant", "profile")
    about = {
        "source": record["source"],
        "population": record["population"],
        "note": record["note"],
        "test": record["test"],
        "minimum": ", ".join(f"{n} {what}" for what, n in record["minimum"].items()),
        "reason": record["reason"],
        "again": record["command"],
    }
    return {
        **{key: str(record[key]) for key in (*same, "statement", "data", "verdict", "reason")},
        **_effect(record),
        "about": [(key, value) for key, value in about.items() if value],
        "parts": [
            {**_effect(part), "outcome": part["outcome"]}
            for part in parts
            if all(part[key] == record[key] for key in same)
        ],
        "runs": [str(run) for run in record["runs"]],
    }


def _effect(item: Mapping[str, Any]) -> dict[str, Any]:
    interval = item["interval"]
    return {
        "effect": item["effect"],
        "estimate": item["estimate"],
        "low": interval["low"],
        "high": interval["high"],
        "bound": item["must be"],
        "images": item["images"],
        "seeds": item["seeds"],
    }
