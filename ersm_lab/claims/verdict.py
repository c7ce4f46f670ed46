"""Verdicts: what finished runs say about a claim that was written down before. None is typed in.

A claim ``holds`` when all its effects do, ``fails`` when one does, and is ``undecided`` otherwise, or with fewer images or seeds
than it asks for. Embedded data speak for themselves alone: ``holds on cluttered_digits``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ersm_lab.claims.numbers import Arms, Numbers, is_embedded, measure, read_from
from ersm_lab.core.errors import UserError
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.hashing import canonical_hash
from ersm_lab.statistics.intervals import Interval

Entry = dict[str, Any]
HOLDS, FAILS, UNDECIDED, NO_RUNS, NO_NUMBERS = "holds", "fails", "undecided", "no runs", "no numbers"


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
) -> tuple[Entry, list[Entry], list[Entry]]:
    """The verdict on one claim for one variant, an entry per effect, and one per run that it rests on, as plain containers.

    Parameters
    ----------
    claim: as ``config.claims.load_claim`` gives it. arms: of the runs that were found. missing: what was not, in words.
    command: what would make it.

    Runs that cannot be compared (of other data, on another backbone) or that lack a number give ``no numbers``, with the reason.
    """
    spec = claim["profiles"][profile]
    names = _arms(claim, variant)
    key = {"claim": claim["name"], "variant": variant, "profile": profile}
    sources = [
        {**key, "arm": name, "seed": seed, **source_of(numbers)}
        for name in names for seed, numbers in sorted(arms.get(name, {}).items())
    ]  # fmt: skip
    record = {
        "claim": claim["name"], "paper": claim["paper"], "statement": claim["statement"], "variant": variant,
        "profile": profile, "data": spec["data"], "verdict": NO_RUNS, "effect": "", "estimate": None,
        "interval": {"low": None, "high": None}, "must be": "", "images": None, "seeds": None, "test": "",
        "reason": "", "population": claim["population"], "source": claim["source"], "note": spec["note"],
        "minimum": claim["minimum"], "outcome": NO_RUNS, "embedded": None, "missing": list(missing),
        "runs": sorted({source["path"] for source in sources}),
        "command": command, "spec": spec_of(claim),
    }  # fmt: skip
    if not all(arms.get(name) for name in names):
        return {**record, "reason": "; ".join(missing)}, [], sources
    seeds = sorted(set.intersection(*(set(arms[name]) for name in names)))
    try:
        embedded = _embedded(spec["data"], [numbers.run for name in names for numbers in arms[name].values()])
        _check_alike([source for source in sources if source["seed"] in seeds])
        if not seeds:
            raise UserError("the arms have no seed in common")
        parts = [
            _part(claim, name, effect, measure(effect, variant, arms, seeds), variant, profile)
            for name, effect in claim["effects"].items()
        ]
    except UserError as error:
        none = {**record, "verdict": NO_NUMBERS, "outcome": NO_NUMBERS, "reason": str(error)}
        return none, [], sources
    outcomes = [part["outcome"] for part in parts]
    found = FAILS if FAILS in outcomes else HOLDS if set(outcomes) == {HOLDS} else UNDECIDED
    reasons = [part["reason"] for part in parts if part["reason"]]
    if missing:
        found, reasons = UNDECIDED, [*missing, *reasons]
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
    }, parts, sources  # fmt: skip


def source_of(numbers: Numbers) -> Entry:
    """Where the numbers of a run lie, of which version, and a ``stamp`` that is another one once they are."""
    record, run = numbers.record, RunDirectory.open(numbers.run).record
    stamp = [record.status, record.timings.finished, record.summary]
    return {
        "path": str(numbers.path), "package": run.package_digest[:12], "data": run.data_fingerprint,
        "backbone": run.upstream.get("backbone"), "stamp": canonical_hash(stamp)[:12],
    }  # fmt: skip


def _check_alike(sources: Sequence[Entry]) -> None:
    """Raises ``UserError`` unless all runs have the same data, and the runs of a seed the same backbone."""
    for first, second in pairwise(sorted(sources, key=lambda source: int(source["seed"]))):
        for key in ("data", "backbone"):
            if first[key] != second[key] and (key == "data" or first["seed"] == second["seed"]):
                raise UserError(f"{first['path']} and {second['path']} do not stand on the same {key}")


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
        "images": interval.n_images, "seeds": interval.n_seeds, "test": interval.method, "read": read_from(effect),
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
