"""``claims/claims.json`` and ``claims/claims.md`` below the outputs: the verdicts of the profile that was judged last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ersm_lab.claims.text import markdown
from ersm_lab.claims.verdict import Part, Source, Verdict
from ersm_lab.files.atomic import write_json, write_text

Entry = dict[str, object]


def write_claims(folder: Path, verdicts: Sequence[Verdict]) -> dict[str, Path]:
    """Writes ``claims.json`` and ``claims.md``, by paper and claim; returns them by ending."""
    verdicts = sorted(verdicts, key=lambda verdict: (verdict.claim.config.paper, verdict.claim.name))
    folder.mkdir(parents=True, exist_ok=True)
    paths = {ending: folder / f"claims.{ending}" for ending in ("json", "md")}
    write_json(paths["json"], as_json(verdicts))
    write_text(paths["md"], markdown(verdicts))
    return paths


def written_before(folder: Path, profile: str) -> set[str]:
    """The names of the claims whose verdicts of a profile were written before; none where that cannot be read.

    Only the names: what a verdict comes to is always found out anew.
    """
    try:
        held = json.loads((folder / "claims.json").read_text(encoding="utf-8"))["claims"]
        return {str(item["claim"]) for item in held if item["profile"] == profile}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def as_json(verdicts: Sequence[Verdict]) -> dict[str, list[Entry]]:
    """Verdicts as plain containers: ``claims``, their effects as ``parts``, and the runs that they rest on as ``sources``."""
    return {
        "claims": [_claim(verdict) for verdict in verdicts],
        "parts": [{**_key(verdict), **_part(part)} for verdict in verdicts for part in verdict.parts],
        "sources": [
            {**_key(verdict), **_source(source)} for verdict in verdicts for source in verdict.sources
        ],
    }


def _key(verdict: Verdict) -> Entry:
    return {"claim": verdict.claim.name, "variant": verdict.variant, "profile": verdict.claim.profile}


def _claim(verdict: Verdict) -> Entry:
    config, study = verdict.claim.config, verdict.claim.study
    return {
        **_key(verdict),
        "paper": config.paper,
        "statement": config.statement,
        "data": study.data,
        "verdict": verdict.said,
        "outcome": verdict.outcome,
        "embedded": verdict.embedded,
        **_effect(verdict.shown),
        "reason": verdict.reason,
        "population": config.population,
        "source": config.source,
        "note": study.note,
        "minimum": asdict(config.minimum),
        "missing": verdict.missing,
        "runs": [str(path) for path in verdict.runs],
        "command": verdict.command,
    }


def _part(part: Part) -> Entry:
    return {
        "part": part.name,
        **_effect(part),
        "outcome": part.outcome,
        "read": part.read,
        "reason": part.reason,
    }


def _effect(part: Part | None) -> Entry:
    if part is None:
        none = {"effect": "", "estimate": None, "interval": {"low": None, "high": None}, "must be": ""}
        return {**none, "images": None, "seeds": None, "test": ""}
    interval = part.interval
    return {
        "effect": part.effect.label,
        "estimate": interval.estimate,
        "interval": {"low": interval.low, "high": interval.high},
        "must be": part.must_be,
        "images": interval.n_images,
        "seeds": interval.n_seeds,
        "test": interval.method,
    }


def _source(source: Source) -> Entry:
    return {**asdict(source), "path": str(source.path)}
