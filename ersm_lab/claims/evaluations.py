"""Evaluations that claims read: found by what was measured, and made where a run lacks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ersm_lab.claims.numbers import Numbers
from ersm_lab.claims.request import Claim
from ersm_lab.claims.shelf import Found
from ersm_lab.config.composer import compose_experiment
from ersm_lab.config.schema import RunConfig
from ersm_lab.core.errors import UserError
from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.core.settings import plain
from ersm_lab.core.words import counted
from ersm_lab.runs.directory import EvaluationDirectory
from ersm_lab.runs.hashing import canonical_hash
from ersm_lab.runs.stored import StoredData

ByArm = dict[str, dict[int, Numbers]]


class Evaluations:
    """The evaluations that claims name, composed once.

    overrides: of paths and where things run. ``failed``: why one could not be made (its data are not here), by name.
    """

    def __init__(self, claims: Sequence[Claim], overrides: Sequence[str]) -> None:
        self._overrides = list(overrides)
        names = dict.fromkeys(claim.config.evaluation for claim in claims)
        self._composed = {name: self._compose(name) for name in names if name is not None}
        self._failed: dict[str, str] = {}

    def make(self, claims: Sequence[Claim], found: Mapping[str, Found]) -> None:
        """Evaluates the runs that lack what their claim reads, those of one experiment together."""
        lacking: dict[tuple[str, Path], list[Path]] = {}
        for claim in claims:
            name = claim.config.evaluation
            runs = [run for by_seed in found[claim.name].runs.values() for run in by_seed.values()]
            for run in runs if name is not None else ():
                group = lacking.setdefault((str(name), run.parent), [])
                if run not in group and self._of(run, str(name)) is None:
                    group.append(run)
        for (name, folder), runs in lacking.items():
            if runs:
                print(f"evaluating {counted(len(runs), 'run')} of {folder} ({name})", flush=True)
                self._evaluate(runs, name)

    def numbers(self, claim: Claim, found: Found) -> ByArm:
        """Where a claim's numbers lie, by arm and seed; an evaluation that is not there is added to ``found.missing``."""
        name = claim.config.evaluation
        if name is None:
            return {
                arm: {seed: Numbers(run) for seed, run in runs.items()} for arm, runs in found.runs.items()
            }
        numbers: ByArm = {}
        for arm, runs in found.runs.items():
            places = {seed: self._of(run, name) for seed, run in runs.items()}
            numbers[arm] = {seed: Numbers(runs[seed], place) for seed, place in places.items() if place}
            if lost := ", ".join(str(seed) for seed, place in places.items() if not place):
                why = self._failed.get(name, "it did not finish")
                found.missing[arm].append(f"no evaluation '{name}': {arm}, seed {lost}: {why}")
        return numbers

    def _compose(self, name: str) -> RunConfig:
        return compose_experiment([f"evaluation={name}", *self._overrides]).config

    def _of(self, run: Path, name: str) -> Path | None:
        return evaluation_of(run, self._composed[name].evaluation)

    def _evaluate(self, runs: Sequence[Path], name: str) -> None:
        from ersm_lab.training.evaluate import evaluate_runs  # torch, which verdicts do without

        try:
            evaluate_runs(runs, self._composed[name], [f"evaluation={name}", *self._overrides])
        except UserError as error:
            self._failed[name] = str(error)


def evaluation_of(run: Path, settings: EvaluationConfig) -> Path | None:
    """The run's newest finished evaluation with settings of the same hash, on the data that it was trained for, or None.

    The hash leaves out what is switched off, so that an evaluation counts that was made when its suite had other options.
    """
    wanted = canonical_hash(plain(settings))
    trained_on = Numbers(run).data.content
    found: list[tuple[str, Path]] = []
    for file in sorted((run / "evaluations").glob(f"*/{EvaluationDirectory.record_name}")):
        try:
            record = EvaluationDirectory(file.parent).record
        except ValueError:
            continue
        if record.status != "finished" or canonical_hash(record.spec.get("evaluation")) != wanted:
            continue
        if StoredData.of(record.spec.get("data")).content == trained_on:
            found.append((str(record.timings.finished), file.parent))
    return max(found)[1] if found else None
