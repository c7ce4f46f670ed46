"""Judges claims from finished runs, and runs or evaluates what they lack where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ersm_lab.claims.evaluations import Evaluations
from ersm_lab.claims.files import write_claims, written_before
from ersm_lab.claims.launch import launch_missing
from ersm_lab.claims.request import Claim, ClaimsRequest, select_claims
from ersm_lab.claims.schema import named_arms
from ersm_lab.claims.shelf import Shelf
from ersm_lab.claims.verdict import Verdict, judge


def check_claims(request: ClaimsRequest) -> tuple[list[Verdict], dict[str, Path]]:
    """Judges claims anew, and writes ``claims/claims.{json,md}`` below the outputs; the verdicts in order, and the files by ending.

    Claims of the same profile whose verdicts were written before are judged anew as well, and stay in the files.

    Runs are only read; those whose evaluation a claim reads and that lack it are evaluated. What cannot be read, run or
    evaluated leaves the claims that need it without a verdict, with the reason, and the others alone.
    """
    shelf = Shelf(request.overrides)
    if request.launch and launch_missing(request.claims, request.overrides, shelf, request.jobs):
        shelf = Shelf(request.overrides)  # the new runs are there now
    folder = shelf.outputs / "claims"
    others = _others(request.claims, folder)
    claims = [*request.claims, *others]
    found = {claim.name: shelf.of_claim(claim) for claim in claims}
    evaluations = Evaluations(claims, request.overrides)
    evaluations.make(request.claims, found)
    verdicts = []
    for claim in claims:
        numbers = evaluations.numbers(claim, found[claim.name])
        command = (
            f"ersm-lab claims {' '.join([claim.name, f'PROFILE={claim.profile}', *request.overrides])} --run"
        )
        for variant in claim.config.variants:
            arms = [variant, *named_arms(claim.config, variant)]
            missing = [line for arm in dict.fromkeys(arms) for line in found[claim.name].missing.get(arm, [])]
            verdicts.append(judge(claim, variant, numbers, missing, command))
    files = write_claims(folder, verdicts)
    return [verdict for verdict in verdicts if verdict.claim not in others], files


def _others(claims: Sequence[Claim], folder: Path) -> list[Claim]:
    """The claims of the same profile whose verdicts were written before, without ``claims``."""
    asked = {claim.name for claim in claims}
    found: list[Claim] = []
    for profile in dict.fromkeys(claim.profile for claim in claims):
        if names := written_before(folder, profile) - asked:
            found += [claim for claim in select_claims([], profile) if claim.name in names]
    return found
