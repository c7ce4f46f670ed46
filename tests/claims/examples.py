"""A claim on two arms, and finished runs that it is judged from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ersm_lab.claims.numbers import Numbers
from ersm_lab.claims.request import Claim
from ersm_lab.claims.schema import ClaimConfig, EffectConfig, MeasureConfig, MinimumConfig, ProfileConfig
from ersm_lab.claims.verdict import Verdict, judge
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.record import RunIdentity

EMBEDDED = {"name": "digits", "layout": "digits", "options": {}}
REAL = {"name": "cifar10", "layout": "cifar10", "options": {}}
CORRECT = MeasureConfig(table="predictions", column="correct")
EFFECT = EffectConfig(
    label="accuracy minus baseline's, points",
    measure=CORRECT,
    against=MeasureConfig(arm="baseline"),
    scale=100.0,
    says="higher",
    margin=1.0,
)
CLAIM = ClaimConfig(
    statement="It | helps.",
    source="a paper",
    paper="ersm",
    population="pictures",
    variants=["mask"],
    minimum=MinimumConfig(images=40, seeds=2),
    effects={"accuracy": EFFECT},
    profiles={"demo": ProfileConfig("digits", table="x"), "full": ProfileConfig("cifar10", table="x")},
)
BETTER, SAME, MIXED = [1] * 40, [0] * 40, [1, 0, 0, 0] * 10


def run(
    folder: Path,
    correct: list[int],
    data: dict[str, Any] = EMBEDDED,
    suite: str = "slem_removal",
    **summary: float | None,
) -> Numbers:
    """A finished run: whether each image is classified right."""
    made = RunDirectory.create(
        folder, "ersm", "x", {"data": data, "evaluation": {"suite": suite, "seeds": 3}}, [], RunIdentity()
    )
    frame = pd.DataFrame({"index": range(len(correct)), "correct": correct})
    made.artifacts.table("predictions", frame)
    made.finish("finished", summary={"test/images": len(correct), **summary})
    return Numbers(made.path)


def arms(
    folder: Path,
    mask: list[int],
    baseline: list[int],
    data: dict[str, Any] = EMBEDDED,
    suite: str = "slem_removal",
) -> dict[str, dict[int, Numbers]]:
    """Two arms of two seeds."""
    return {
        "mask": {seed: run(folder, mask, data, suite) for seed in (0, 1)},
        "baseline": {seed: run(folder, baseline, data, suite) for seed in (0, 1)},
    }


def judged(
    found: dict[str, dict[int, Numbers]],
    claim: ClaimConfig = CLAIM,
    profile: str = "demo",
    missing: tuple[str, ...] = (),
) -> Verdict:
    """The verdict on the variant ``mask``."""
    return judge(Claim("ersm_x", claim, profile), "mask", found, missing, "make it")
