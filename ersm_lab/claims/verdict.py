"""Verdicts: what finished runs say about a claim that was written down before. None is typed in, and none is remembered.

A claim ``holds`` when all its effects do, ``fails`` when one does, and is ``undecided`` otherwise, or with fewer images or seeds
than it asks for. Embedded data speak for themselves alone: ``holds on cluttered_digits``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from ersm_lab.claims.effects import Arms, measure, read_from
from ersm_lab.claims.numbers import Numbers
from ersm_lab.claims.request import Claim
from ersm_lab.claims.schema import EffectConfig, MinimumConfig, named_arms
from ersm_lab.core.errors import UserError
from ersm_lab.core.words import counted
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.statistics.intervals import Interval

HOLDS, FAILS, UNDECIDED, NO_RUNS, NO_NUMBERS = "holds", "fails", "undecided", "no runs", "no numbers"


@dataclass(frozen=True)
class Part:
    """One effect of a claim. ``outcome``: of the effect alone. ``reason``: why nothing was decided, or nothing."""

    name: str
    effect: EffectConfig
    interval: Interval
    outcome: str
    reason: str = ""

    @property
    def must_be(self) -> str:
        margin = self.effect.margin if self.effect.says == "higher" else 0.0 - self.effect.margin
        return f"{'below' if self.effect.says == 'lower' else 'above'} {margin:g}"

    @property
    def read(self) -> str:
        return read_from(self.effect)


@dataclass(frozen=True)
class Source:
    """A run that a verdict rests on: where its numbers lie, by which version of the package it was made, on what it stands."""

    arm: str
    seed: int
    path: Path
    package: str
    data: str
    backbone: str | None


@dataclass(frozen=True)
class Verdict:
    """What is said of a claim for one variant.

    ``outcome``: one of the five words above. ``embedded``: whether the data are; None without a verdict. ``parts``: one per
    effect; none without a verdict. ``missing``: what was not found, in words, and ``command`` makes it.
    """

    claim: Claim
    variant: str
    outcome: str
    command: str
    parts: list[Part] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    reason: str = ""
    embedded: bool | None = None

    @property
    def said(self) -> str:
        """The verdict as it is read out."""
        own = self.decided and self.embedded
        return f"{self.outcome} on {self.claim.study.data}" if own else self.outcome

    @property
    def decided(self) -> bool:
        return self.outcome in (HOLDS, FAILS)

    @property
    def is_short(self) -> bool:
        """Whether something has to be run or mended before the verdict says all it can."""
        return self.outcome in (NO_RUNS, NO_NUMBERS) or bool(self.missing)

    @property
    def shown(self) -> Part | None:
        """The effect that stands for the verdict: the first that came out like it."""
        alike = (part for part in self.parts if part.outcome == self.outcome)
        return next(alike, self.parts[0] if self.parts else None)

    @property
    def runs(self) -> list[Path]:
        return sorted({source.path for source in self.sources})


def outcome(interval: Interval, says: str, margin: float) -> str:
    """What an interval says of an effect that must be above ``margin``, below ``-margin``, or (kept) above ``-margin``.

    Wholly beyond the bound it holds, wholly short of it it fails; an interval that touches the bound decides nothing.
    """
    low, high = (-interval.high, -interval.low) if says == "lower" else (interval.low, interval.high)
    bound = -margin if says == "kept" else margin
    if low > bound:
        return HOLDS
    return FAILS if high < bound else UNDECIDED


def judge(claim: Claim, variant: str, arms: Arms, missing: Sequence[str], command: str) -> Verdict:
    """The verdict on one claim for one variant.

    Parameters
    ----------
    arms: the numbers that were found. missing: what was not, in words. command: what would make it.

    Runs that cannot be compared (of other data, on another backbone) or that lack a number give ``no numbers``, with the reason.
    """
    names = named_arms(claim.config, variant)
    sources = [
        _source(name, seed, numbers) for name in names for seed, numbers in sorted(arms.get(name, {}).items())
    ]
    verdict = Verdict(claim, variant, NO_RUNS, command, [], sources, list(missing), "; ".join(missing))
    if not all(arms.get(name) for name in names):
        return verdict
    seeds = sorted(set.intersection(*(set(arms[name]) for name in names)))
    try:
        embedded = _embedded(claim.study.data, [run for name in names for run in arms[name].values()])
        _check_alike([source for source in sources if source.seed in seeds])
        if not seeds:
            raise UserError("the arms have no seed in common")
        minimum = claim.config.minimum
        parts = [
            _part(name, effect, measure(effect, variant, arms, seeds), minimum)
            for name, effect in claim.config.effects.items()
        ]
    except UserError as error:
        return replace(verdict, outcome=NO_NUMBERS, reason=str(error))
    outcomes = {part.outcome for part in parts}
    found = FAILS if FAILS in outcomes else HOLDS if outcomes == {HOLDS} else UNDECIDED
    reasons = [*missing, *(part.reason for part in parts if part.reason)]
    return replace(
        verdict,
        outcome=UNDECIDED if missing else found,
        parts=parts,
        reason="; ".join(dict.fromkeys(reasons)),
        embedded=embedded,
    )


def _source(arm: str, seed: int, numbers: Numbers) -> Source:
    run = RunDirectory.open(numbers.run).record
    package, backbone = run.package_digest[:12], run.upstream.get("backbone")
    return Source(arm, seed, numbers.path, package, run.data_fingerprint, backbone)


def _check_alike(sources: Sequence[Source]) -> None:
    """Raises ``UserError`` unless all runs have the same data, and the runs of a seed the same backbone."""
    for first, second in pairwise(sorted(sources, key=lambda source: source.seed)):
        if first.data != second.data:
            raise UserError(f"{first.path} and {second.path} do not stand on the same data")
        if first.seed == second.seed and first.backbone != second.backbone:
            raise UserError(f"{first.path} and {second.path} do not stand on the same backbone")


def _part(name: str, effect: EffectConfig, interval: Interval, minimum: MinimumConfig) -> Part:
    few = [
        f"{counted(count, what)} of at least {least}"
        for count, what, least in (
            (interval.n_images, "image", minimum.images),
            (interval.n_seeds, "seed", minimum.seeds),
        )
        if count < least
    ]
    if few:
        return Part(name, effect, interval, UNDECIDED, f"{effect.label}: {' and '.join(few)}")
    return Part(name, effect, interval, outcome(interval, effect.says, effect.margin))


def _embedded(name: str, runs: Sequence[Numbers]) -> bool:
    """Whether the runs' data are embedded, as the runs themselves record it. Raises ``UserError`` for runs of other data."""
    found = {numbers.run: numbers.data for numbers in runs}
    for run, data in found.items():
        if data.name != name:
            raise UserError(f"{run} is of data={data.name}, but the claim is judged on {name}")
    return any(data.embedded for data in found.values())
