"""Verdicts: what finished runs say about a claim that was written down before. None is typed in.

A claim ``holds`` when all its effects do, ``fails`` when one does, and is ``undecided`` otherwise, or with fewer images or seeds
than it asks for. Embedded data speak for themselves alone: ``holds on cluttered_digits``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ersm_lab.errors import UserError
from ersm_lab.metrics.intervals import Interval
from ersm_lab.reports.claim_numbers import Arms, is_embedded, measure
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.hashing import canonical_hash

HOLDS, FAILS, UNDECIDED, NO_RUNS = "holds", "fails", "undecided", "no runs"


def outcome(interval: Interval, says: str, margin: float) -> str:
    """What an interval says of an effect that must be above ``margin``, below ``-margin``, or (kept) above ``-margin``.

    Wholly beyond the bound it holds, wholly short of it it fails; an interval that touches the bound decides nothing.
    """
    low, high = (-interval.high, -interval.low) if says == "lower" else (interval.low, interval.high)
    bound = -margin if says == "kept" else margin
    if low > bound:
        return HOLDS
    return FAILS if high < bound else UNDECIDED


def judge(
    claim: Mapping[str, Any], profile: str, variant: str, arms: Arms, missing: Sequence[str], command: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The verdict on one claim for one variant, and one entry per effect, as plain containers.

    Parameters
    ----------
    claim: as ``config.claims.load_claim`` gives it. arms: of the runs that were found. missing: what was not, in words.
    command: what would make it.

    Raises ``UserError`` when runs are of other data than the claim's.
    """
    spec = claim["profiles"][profile]
    names = _arms(claim, variant)
    record = {
        "claim": claim["name"], "paper": claim["paper"], "statement": claim["statement"], "variant": variant,
        "profile": profile, "data": spec["data"], "verdict": NO_RUNS, "effect": "", "estimate": None,
        "interval": {"low": None, "high": None}, "must be": "", "images": None, "seeds": None, "test": "",
        "reason": "", "population": claim["population"], "source": claim["source"], "note": spec["note"],
        "minimum": claim["minimum"], "outcome": NO_RUNS, "embedded": None, "missing": list(missing),
        "runs": sorted({str(numbers.path) for name in names for numbers in arms.get(name, {}).values()}),
        "command": command, "spec": spec_of(claim),
    }  # fmt: skip
    if not all(arms.get(name) for name in names):
        return {**record, "reason": f"no finished run of {'; '.join(missing)}"}, []
    embedded = _embedded(spec["data"], [numbers.run for name in names for numbers in arms[name].values()])
    seeds = sorted(set.intersection(*(set(arms[name]) for name in names)))
    try:
        parts = [
            _part(claim, name, effect, measure(effect, variant, arms, seeds), variant, profile)
            for name, effect in claim["effects"].items()
        ] if seeds else []  # fmt: skip
    except UserError as error:
        return {**record, "embedded": embedded, "reason": str(error)}, []
    if not parts:
        return {**record, "embedded": embedded, "reason": "the arms have no seed in common"}, []
    outcomes = [part["outcome"] for part in parts]
    found = FAILS if FAILS in outcomes else HOLDS if set(outcomes) == {HOLDS} else UNDECIDED
    reasons = [part["reason"] for part in parts if part["reason"]]
    if missing:
        found, reasons = UNDECIDED, [f"runs are missing: {'; '.join(missing)}", *reasons]
    shown = next((part for part in parts if part["outcome"] == found), parts[0])
    decided = found in (HOLDS, FAILS)
    record |= {
        key: shown[key] for key in ("effect", "estimate", "interval", "must be", "images", "seeds", "test")
    }
    return {
        **record,
        "verdict": f"{found} on {spec['data']}" if decided and embedded else found,
        "outcome": found,
        "embedded": embedded,
        "reason": "; ".join(dict.fromkeys(reasons)),
    }, parts


def spec_of(claim: Mapping[str, Any]) -> str:
    """A digest of the claim as it is written: another margin is another claim."""
    return canonical_hash(dict(claim))[:12]


def _arms(claim: Mapping[str, Any], variant: str) -> list[str]:
    named = [
        side["arm"] or variant
        for effect in claim["effects"].values()
        for side in (effect["measure"], effect["against"])
        if side is not None
    ]
    return list(dict.fromkeys(named))


def _part(
    claim: Mapping[str, Any],
    name: str,
    effect: Mapping[str, Any],
    interval: Interval,
    variant: str,
    profile: str,
) -> dict[str, Any]:
    minimum = claim["minimum"]
    few = [
        f"{count} {what} of at least {minimum[what]}"
        for what, count in (("images", interval.n_images), ("seeds", interval.n_seeds))
        if count < minimum[what]
    ]
    bound = effect["margin"] if effect["says"] == "higher" else 0.0 - effect["margin"]
    return {
        "claim": claim["name"], "variant": variant, "profile": profile, "part": name, "effect": effect["label"],
        "outcome": UNDECIDED if few else outcome(interval, effect["says"], effect["margin"]),
        "estimate": interval.estimate, "interval": {"low": interval.low, "high": interval.high},
        "must be": f"{'below' if effect['says'] == 'lower' else 'above'} {bound:g}",
        "images": interval.n_images, "seeds": interval.n_seeds, "test": interval.method,
        "reason": f"{effect['label']}: {' and '.join(few)}" if few else "",
    }  # fmt: skip


def _embedded(data: str, runs: Sequence[Any]) -> bool:
    """Whether the runs' data are embedded, as the runs themselves record it."""
    kinds = []
    for run in dict.fromkeys(runs):
        config = RunDirectory.open(run).config["data"]
        if config["name"] != data:
            raise UserError(f"{run} is of data={config['name']}, but the claim is judged on {data}")
        kinds.append(is_embedded(config))
    return any(kinds)
