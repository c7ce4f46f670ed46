"""Verdicts from run directories: each of them is reached, and what stands on a boundary decides nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ersm_lab.claims.schema import MinimumConfig
from ersm_lab.claims.text import lines_of, markdown
from ersm_lab.claims.verdict import outcome
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.statistics.intervals import Interval
from tests.claims.examples import BETTER, CLAIM, CORRECT, EFFECT, MIXED, REAL, SAME, arms, judged, run


@pytest.mark.parametrize(
    ("mask", "baseline", "expected"),
    [
        (BETTER, MIXED, "holds"),
        (MIXED, BETTER, "fails"),
        (MIXED, MIXED, "fails"),
        ([1, 0] * 20, [0, 1] * 20, "undecided"),
    ],
)
def test_each_verdict_is_reached_and_embedded_data_speak_for_themselves_alone(
    tmp_path: Path, mask: list[int], baseline: list[int], expected: str
) -> None:
    verdict = judged(arms(tmp_path, mask, baseline))
    assert len(verdict.sources) == 4
    assert verdict.outcome == verdict.parts[0].outcome == expected
    assert verdict.said == (expected if expected == "undecided" else f"{expected} on digits")
    verdict = judged(arms(tmp_path, mask, baseline, REAL), profile="full")
    assert verdict.said == expected
    interval = verdict.parts[0].interval
    assert (interval.n_images, interval.n_seeds, len(verdict.runs)) == (40, 2, 4)


@pytest.mark.parametrize(
    ("low", "high", "says", "margin", "expected"),
    [
        (0.5, 2, "higher", 0.5, "undecided"),  # touches the margin
        (0.5001, 2, "higher", 0.5, "holds"),
        (-1, 0.5, "higher", 0.5, "undecided"),
        (-1, 0.4999, "higher", 0.5, "fails"),
        (-2, -0.5001, "lower", 0.5, "holds"),
        (-2, -0.5, "lower", 0.5, "undecided"),
        (-0.4999, 1, "lower", 0.5, "fails"),
        (-0.4999, -0.1, "kept", 0.5, "holds"),  # worse, but by less than the margin
        (-0.5, 0.3, "kept", 0.5, "undecided"),
        (-2, -0.5001, "kept", 0.5, "fails"),
        (0, 0, "higher", 0, "undecided"),
    ],
)
def test_what_touches_the_bound_decides_nothing(
    low: float, high: float, says: str, margin: float, expected: str
) -> None:
    interval = Interval((low + high) / 2, low, high, 0.95, 10, 2, "x")
    assert outcome(interval, says, margin) == expected


RANK = {"fails": 0, "undecided": 1, "holds": 2}


@given(
    st.floats(-5, 5),
    st.floats(0, 5),
    st.floats(0, 3),
    st.floats(0, 5),
    st.sampled_from(["higher", "lower", "kept"]),
)
def test_a_better_effect_never_makes_a_verdict_worse(
    low: float, width: float, margin: float, shift: float, says: str
) -> None:
    """Breaks when a sign or a margin is turned round: what speaks more for a claim, or a narrower interval, decides against it."""

    def said(low: float, high: float, margin: float = margin) -> int:
        return RANK[outcome(Interval((low + high) / 2, low, high, 0.95, 10, 2, "x"), says, margin)]

    here = said(low, low + width)
    better = -shift if says == "lower" else shift
    assert said(low + better, low + width + better) >= here
    if here != 1:  # a narrower interval inside decides as the wider one did
        assert said(low + width / 4, low + width * 3 / 4) == here
    larger = said(low, low + width, margin + shift)
    assert larger >= here if says == "kept" else larger <= here
    if says != "kept":  # higher and lower are mirror images
        other = "lower" if says == "higher" else "higher"
        mirror = Interval(-(low + width / 2), -(low + width), -low, 0.95, 10, 2, "x")
        assert RANK[outcome(mirror, other, margin)] == here


def test_more_images_that_are_right_never_make_a_verdict_worse(tmp_path: Path) -> None:
    """Breaks when an effect is taken the wrong way round anywhere between the file and the verdict."""
    ranks = []
    for right in range(0, 41, 8):
        found = arms(tmp_path / str(right), [1] * right + [0] * (40 - right), MIXED)
        ranks.append(RANK[judged(found).outcome])
    assert ranks == sorted(ranks)
    assert {0, 2} <= set(ranks)


@pytest.mark.parametrize(
    ("minimum", "why"),
    [
        (MinimumConfig(40, 2), ""),
        (MinimumConfig(41, 2), "40 images of at least 41"),
        (MinimumConfig(40, 3), "2 seeds of at least 3"),
    ],
)
def test_too_few_images_or_seeds_decide_nothing(tmp_path: Path, minimum: MinimumConfig, why: str) -> None:
    verdict = judged(arms(tmp_path, BETTER, SAME), replace(CLAIM, minimum=minimum))
    assert verdict.outcome == ("undecided" if why else "holds")
    assert why in verdict.reason
    assert verdict.parts[0].interval.estimate == pytest.approx(100)  # the number is shown all the same


def test_one_seed_of_more_is_said_in_the_singular(tmp_path: Path) -> None:
    found = {arm: {0: by_seed[0]} for arm, by_seed in arms(tmp_path, BETTER, SAME).items()}
    assert "1 seed of at least 2" in judged(found).reason


def test_missing_runs_are_said_and_never_decide(tmp_path: Path) -> None:
    found = arms(tmp_path, BETTER, SAME)
    del found["baseline"][1]
    verdict = judged(arms(tmp_path, BETTER, SAME, REAL), profile="full", missing=("baseline, seed 2",))
    assert verdict.said == "undecided"
    assert "baseline, seed 2" in verdict.reason
    verdict = judged({**found, "baseline": {}}, missing=("baseline, seed 0, 1",))
    assert (verdict.said, verdict.parts) == ("no runs", [])
    assert "make it" in lines_of(verdict)
    assert "`make it`" in markdown([verdict])


def test_one_failing_effect_fails_the_claim_and_is_the_one_shown(tmp_path: Path) -> None:
    worse = replace(EFFECT, says="lower", label="the other way")
    claim = replace(CLAIM, effects={"accuracy": EFFECT, "other": worse})
    verdict = judged(arms(tmp_path, BETTER, SAME), claim)
    assert [part.outcome for part in verdict.parts] == ["holds", "fails"]
    assert verdict.shown is not None
    assert (verdict.outcome, verdict.shown.effect.label) == ("fails", "the other way")


def test_runs_of_other_data_give_no_verdict_and_leave_the_other_claims_alone(tmp_path: Path) -> None:
    verdict = judged(arms(tmp_path, BETTER, SAME, REAL))
    assert (verdict.said, verdict.parts) == ("no numbers", [])
    assert "data=cifar10, but the claim is judged on digits" in verdict.reason
    assert verdict.is_short


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("data_fingerprint", "b", "not stand on the same data"),
        ("upstream", {"backbone": "b"}, "not stand on the same backbone"),
    ],
)
def test_runs_on_other_data_or_another_backbone_are_not_compared(
    tmp_path: Path, key: str, value: Any, said: str
) -> None:
    """Breaks when equal names of images are taken for equal images, or two backbones for one."""
    found = arms(tmp_path, BETTER, SAME)
    for numbers in (found["mask"][0], found["baseline"][0]):
        RunDirectory.open(numbers.run).update(upstream={"backbone": "a"}, data_fingerprint="a")
    for numbers in (found["mask"][1], found["baseline"][1]):
        RunDirectory.open(numbers.run).update(upstream={"backbone": "c"}, data_fingerprint="a")
    assert judged(found).outcome == "holds"  # a backbone for each seed
    RunDirectory.open(found["mask"][1].run).update(**{key: value})
    verdict = judged(found)
    assert verdict.outcome == "no numbers"
    assert said in verdict.reason


def test_a_damaged_file_gives_no_verdict_and_is_named(tmp_path: Path) -> None:
    found = arms(tmp_path, BETTER, SAME)
    file = found["mask"][1].run / "artifacts" / "predictions.parquet"
    file.write_bytes(b"PAR1 no")
    verdict = judged(found)
    assert verdict.outcome == "no numbers"
    assert str(file) in verdict.reason


def test_a_number_that_a_run_lacks_is_no_verdict(tmp_path: Path) -> None:
    effect = replace(EFFECT, measure=replace(CORRECT, column="auc"))
    verdict = judged(arms(tmp_path, BETTER, SAME), replace(CLAIM, effects={"x": effect}))
    assert verdict.said == "no numbers"
    assert "has no column 'auc'" in verdict.reason


def test_seeds_that_disagree_widen_the_interval_of_few(tmp_path: Path) -> None:
    """Breaks when three networks speak for a method: 2,000 images are sure of what these three do, and their seeds are not."""
    claim = replace(CLAIM, minimum=MinimumConfig(40, 3))
    right = [[1] * 26 + [0] * 14, [1] * 22 + [0] * 18, [1] * 36 + [0] * 4]
    found = {
        "mask": {seed: run(tmp_path, right[seed] * 50) for seed in range(3)},
        "baseline": {seed: run(tmp_path, ([1] * 20 + [0] * 20) * 50) for seed in range(3)},
    }
    verdict = judged(found, claim)
    interval = verdict.parts[0].interval
    per_seed = np.array([15.0, 5.0, 40.0])
    half = 4.302653 * per_seed.std(ddof=1) / 3**0.5
    assert verdict.outcome == "undecided"
    assert interval.low < 20 - half
    assert "seeds" in interval.method


def test_verdicts_need_no_torch() -> None:
    code = "import sys, ersm_lab.claims.verdict, ersm_lab.claims.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
