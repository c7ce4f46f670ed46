"""Verdicts on paper and in a terminal, and their files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ersm_lab.claims.numbers import Numbers
from ersm_lab.claims.verdict import source_of
from ersm_lab.core.errors import UserError
from ersm_lab.files.atomic import write_json, write_text
from ersm_lab.runs.directory import EvaluationDirectory
from ersm_lab.runs.hashing import canonical_hash, package_digest

Record = dict[str, Any]


def lines_of(record: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> str:
    """One verdict for a terminal: every effect, what was looked at, and where the numbers come from."""
    found = [
        f"{record['verdict']:28s} {record['claim']} ({record['variant']}, {record['data']}, {record['profile']}): {record['statement']}"
    ]
    own = [part for part in parts if key_of(part) == key_of(record)]
    found += [
        f"{part['effect']}: {_numbers(part)}; must be {part['must be']}: {part['outcome']}" for part in own
    ]
    found += [record["reason"]] if record["reason"] else []
    if own:
        found.append(f"on {_looked_at(record)}")
        found += [f"from {where}" for where in dict.fromkeys(part["read"] for part in own)]
    found += [f"of {folder}: {', '.join(names)}" for folder, names in _by_folder(record["runs"]).items()]
    if record["outcome"] == "no runs" or record["missing"]:
        found.append(record["command"])
    return "\n    ".join(found)


def caution(records: Sequence[Mapping[str, Any]]) -> str:
    """What to keep in mind when reading several verdicts at once."""
    decided = sum(record["outcome"] in ("holds", "fails") for record in records)
    return (
        f"{len(records)} verdict{'' if len(records) == 1 else 's'}, {decided} of them holds or fails. Each interval is a 95 % one by itself, not corrected for "
        "their number: of twenty, one misses its truth by chance."
    )


def is_short(record: Mapping[str, Any]) -> bool:
    """Whether something has to be run or mended before the verdict says all it can."""
    return record["outcome"] in ("no runs", "no numbers") or bool(record["missing"])


def _looked_at(record: Mapping[str, Any]) -> str:
    return str(record["population"]) + (f"; {record['note']}" if record["note"] else "")


def _by_folder(runs: Sequence[str]) -> dict[str, list[str]]:
    """Run directories by the folder that they lie in; evaluations lie two levels below theirs."""
    found: dict[str, list[str]] = {}
    for run in runs:
        path = Path(run)
        folder = path.parents[2] if path.parent.name == "evaluations" else path.parent
        found.setdefault(str(folder), []).append(str(path.relative_to(folder)))
    return found


def _numbers(item: Mapping[str, Any]) -> str:
    low, high = item["interval"]["low"], item["interval"]["high"]
    images = f"{item['images']} images, " if item["images"] else ""
    seeds = f"{item['seeds']} seed{'' if item['seeds'] == 1 else 's'}"
    return f"{item['estimate']:+.3g} [{low:+.3g}, {high:+.3g}], {images}{seeds}, {item['test']}"


def markdown(
    records: Sequence[Mapping[str, Any]],
    parts: Sequence[Mapping[str, Any]],
    sources: Sequence[Mapping[str, Any]] = (),
) -> str:
    """All verdicts in one table, then each with its parts and the runs that it rests on."""
    lines = [
        "# Claims", "", "Written by `ersm-lab claims`. Effects have 95 % intervals; each was to lie where *must be* says.",
        caution(records), "`holds` is about the data that are named, and about no others.", "",
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
        lines.append(f"- population: {_looked_at(record)}")
        lines.append(f"- minimum: {record['minimum']['images']} images, {record['minimum']['seeds']} seeds")
        lines += [
            f"- {part['effect']}: {_numbers(part)}; must be {part['must be']}: {part['outcome']}; from `{part['read']}`"
            for part in parts
            if key_of(part) == key_of(record)
        ]
        if record["reason"]:
            lines.append(f"- why: {record['reason']}")
        if record["outcome"] == "no runs" or record["missing"]:
            lines.append(f"- to make the runs: `{record['command']}`")
        own = [source for source in sources if key_of(source) == key_of(record)]
        lines += [f"- {source['arm']}, seed {source['seed']}: {source['path']}" for source in own]
        lines += [f"- {_versions(own)}"] if own else []
    return "\n".join(lines) + "\n"


def _versions(sources: Sequence[Mapping[str, Any]]) -> str:
    made = {source["package"] for source in sources}
    many = "one version" if len(made) == 1 else f"{len(made)} versions"
    now = " (this one)" if made == {package_digest()[:12]} else ""
    return f"these runs were made by {many} of ersm_lab{now}: {', '.join(sorted(made))}"


def key_of(item: Mapping[str, Any]) -> tuple[str, str, str]:
    """What makes two entries the same verdict."""
    return item["claim"], item["variant"], item["profile"]


def write_claims(
    folder: Path,
    records: Sequence[Record],
    parts: Sequence[Record],
    sources: Sequence[Record],
    specs: Mapping[str, str],
) -> dict[str, Path]:
    """Writes ``claims.json`` and ``claims.md``; returns them by ending.

    Verdicts of an earlier call stay while nothing that they rest on has changed: their claim and what it was read by (``specs``
    gives the digest of every claim there is), their runs, and what was written of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {ending: folder / f"claims.{ending}" for ending in ("json", "md")}
    now = {key_of(record) for record in records}
    held: dict[str, list[Record]] = {"claims": list(records), "parts": list(parts), "sources": list(sources)}
    old = _read(paths["json"])
    for record in old["claims"]:
        own = {name: [item for item in old[name] if key_of(item) == key_of(record)] for name in old}
        if key_of(record) not in now and specs.get(record["claim"]) == record["spec"] and _stands(own):
            for name in held:
                held[name] += own[name]
    held["claims"].sort(key=lambda item: (item["paper"], item["claim"], item["profile"]))
    seals = {" ".join(key_of(record)): _seal(record, held) for record in held["claims"]}
    write_json(paths["json"], {**held, "seals": seals})
    write_text(paths["md"], markdown(held["claims"], held["parts"], held["sources"]))
    return paths


def _seal(record: Record, held: Mapping[str, Sequence[Record]]) -> str:
    """A digest of all that is written of one verdict: nothing can be changed by hand and stay."""
    key = key_of(record)
    return canonical_hash(
        [record, *([item for item in held[name] if key_of(item) == key] for name in ("parts", "sources"))]
    )[:16]


def _stands(own: Mapping[str, Sequence[Record]]) -> bool:
    """Whether an earlier verdict was complete, and its runs still lie there as they were read."""
    if any(is_short(record) for record in own["claims"]):
        return False  # what it lacked may be there by now
    try:
        for source in own["sources"]:
            path = Path(source["path"])
            later = (path / EvaluationDirectory.record_name).is_file()
            numbers = Numbers(path.parents[1], path) if later else Numbers(path)
            if source_of(numbers)["stamp"] != source["stamp"]:
                return False
    except (UserError, OSError, ValueError):
        return False
    return True


def _read(path: Path) -> dict[str, list[Record]]:
    """The verdicts of an earlier call that nobody has changed since; nothing when they cannot be read, as they are written anew."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
        held: dict[str, list[Record]] = {name: loaded[name] for name in ("claims", "parts", "sources")}
        seals = loaded["seals"]
        held["claims"] = [
            record for record in held["claims"] if seals.get(" ".join(key_of(record))) == _seal(record, held)
        ]
        return held
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"claims": [], "parts": [], "sources": []}
