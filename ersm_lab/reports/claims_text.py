"""Verdicts on paper and in a terminal, and their files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ersm_lab.runs.files import write_json, write_text

Record = dict[str, Any]


def line(record: Mapping[str, Any]) -> str:
    """One verdict for a terminal."""
    head = f"{record['verdict']:28s} {record['claim']} ({record['variant']}, {record['data']}, {record['profile']})"
    if record["estimate"] is None:
        return f"{head}\n    {record['reason']}\n    {record['command']}"
    text = f"{head}\n    {record['effect']}: {_numbers(record)}, must be {record['must be']}"
    return f"{text}\n    {record['reason']}" if record["reason"] else text


def _numbers(item: Mapping[str, Any]) -> str:
    low, high = item["interval"]["low"], item["interval"]["high"]
    return (
        f"{item['estimate']:+.3g} [{low:+.3g}, {high:+.3g}], {item['images']} images, {item['seeds']} "
        f"seed{'' if item['seeds'] == 1 else 's'}, {item['test']}"
    )


def markdown(records: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]]) -> str:
    """All verdicts in one table, then each with its parts and the runs that it rests on."""
    lines = [
        "# Claims", "", "Written by `ersm-lab claims`. Effects have 95 % intervals; each was to lie where *must be* says.", "",
        "| claim | variant | data | profile | verdict | effect | estimate | interval | must be | images | seeds |",
        "| --- | --- | --- | --- | --- | --- | ---: | ---: | --- | ---: | ---: |",
    ]  # fmt: skip
    for record in records:
        cells = [record[key] for key in ("claim", "variant", "data", "profile")]
        cells += [f"**{record['verdict']}**", record["effect"] or record["reason"]]
        if record["estimate"] is None:
            cells += [""] * 5
        else:
            ends = record["interval"]
            cells += [f"{record['estimate']:+.3g}", f"{ends['low']:+.3g} to {ends['high']:+.3g}"]
            cells += [record["must be"], record["images"], record["seeds"]]
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    for record in records:
        lines += [
            "",
            f"## {record['claim']}: {record['variant']}, {record['data']} ({record['profile']})",
            "",
        ]
        lines += [f"{record['statement']} *{record['verdict']}*", "", f"- source: {record['source']}"]
        lines.append(
            f"- population: {record['population']}" + (f"; {record['note']}" if record["note"] else "")
        )
        lines.append(f"- minimum: {record['minimum']['images']} images, {record['minimum']['seeds']} seeds")
        lines += [
            f"- {part['effect']}: {_numbers(part)}; must be {part['must be']}: {part['outcome']}"
            for part in parts
            if key_of(part) == key_of(record)
        ]
        if record["reason"]:
            lines.append(f"- why: {record['reason']}")
        if record["outcome"] == "no runs" or record["missing"]:
            lines.append(f"- to make the runs: `{record['command']}`")
        lines += [f"- from: {run}" for run in record["runs"]]
    return "\n".join(lines) + "\n"


def key_of(item: Mapping[str, Any]) -> tuple[str, str, str]:
    """What makes two entries the same verdict."""
    return item["claim"], item["variant"], item["profile"]


def write_claims(
    folder: Path, records: Sequence[Record], parts: Sequence[Record], specs: Mapping[str, str]
) -> dict[str, Path]:
    """Writes ``claims.json`` and ``claims.md``; returns them by ending.

    Verdicts of an earlier call stay while their claim reads as it did: ``specs`` gives the digest of every claim there is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {ending: folder / f"claims.{ending}" for ending in ("json", "md")}
    now = {key_of(record) for record in records}
    old = _read(paths["json"])
    stay = [
        record
        for record in old["claims"]
        if key_of(record) not in now and specs.get(record["claim"]) == record["spec"]
    ]
    kept = {key_of(record) for record in stay}
    every = sorted([*records, *stay], key=lambda item: (item["paper"], item["claim"], item["profile"]))
    all_parts = [*parts, *(part for part in old["parts"] if key_of(part) in kept)]
    write_json(paths["json"], {"claims": every, "parts": all_parts})
    write_text(paths["md"], markdown(every, all_parts))
    return paths


def _read(path: Path) -> dict[str, list[Record]]:
    """What an earlier call wrote; nothing when that cannot be read, as it is written anew anyway."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
        for record in loaded["claims"]:
            record["spec"], key_of(record)
        return {"claims": loaded["claims"], "parts": loaded["parts"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"claims": [], "parts": []}
