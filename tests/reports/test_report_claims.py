"""Verdicts from run directories: each of them is reached, and what stands on a boundary decides nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ersm_lab.errors import UserError
from ersm_lab.metrics.intervals import Interval
from ersm_lab.reports.claim_numbers import Numbers, is_embedded, measure
from ersm_lab.reports.claims import judge, outcome, spec_of
from ersm_lab.reports.claims_text import line, markdown, write_claims
from ersm_lab.reports.extras import read_claims
from ersm_lab.runs.directory import RunDirectory

EMBEDDED = {"name": "digits", "layout": "digits", "options": {}}
REAL = {"name": "cifar10", "layout": "cifar10", "options": {}}
SIDE: dict[str, Any] = {"arm": None, "table": None, "column": None, "where": {}, "key": None}
EFFECT: dict[str, Any] = {
    "label": "accuracy minus baseline's, points", "test": "images",
    "measure": {**SIDE, "table": "predictions", "column": "correct"}, "against": {**SIDE, "arm": "baseline"},
    "threshold": None, "scale": 100.0, "relative": False, "says": "higher", "margin": 1.0, "count": None,
}  # fmt: skip
CLAIM: dict[str, Any] = {
    "name": "ersm_x", "statement": "It | helps.", "source": "a paper", "paper": "ersm", "population": "pictures",
    "variants": ["mask"], "evaluation": None, "minimum": {"images": 40, "seeds": 2}, "effects": {"accuracy": EFFECT},
    "profiles": {"demo": {"data": "digits", "note": ""}, "full": {"data": "cifar10", "note": ""}},
}  # fmt: skip


def run(
    folder: Path, correct: list[int], data: dict[str, Any] = EMBEDDED, **summary: float | None
) -> Numbers:
    made = RunDirectory.create(folder, "ersm", "x", {"data": data, "evaluation": {"seeds": 3}}, [], {})
    frame = pd.DataFrame({"index": range(len(correct)), "correct": correct})
    made.artifacts.table("predictions", frame)
    made.finish("finished", summary={"test/images": len(correct), **summary})
    return Numbers(made.path)


def arms(
    folder: Path, mask: list[int], baseline: list[int], data: dict[str, Any] = EMBEDDED
) -> dict[str, Any]:
    return {
        "mask": {seed: run(folder, mask, data) for seed in (0, 1)},
        "baseline": {seed: run(folder, baseline, data) for seed in (0, 1)},
    }


BETTER, SAME, MIXED = [1] * 40, [0] * 40, [1, 0, 0, 0] * 10


@pytest.mark.parametrize(
    ("mask", "baseline", "expected"),
    [(BETTER, MIXED, "holds"), (MIXED, BETTER, "fails"), (MIXED, MIXED, "fails"), ([1, 0] * 20, [0, 1] * 20, "undecided")],
)  # fmt: skip
def test_each_verdict_is_reached_and_embedded_data_speak_for_themselves_alone(
    tmp_path: Path, mask: list[int], baseline: list[int], expected: str
) -> None:
    record, parts = judge(CLAIM, "demo", "mask", arms(tmp_path, mask, baseline), [], "cmd")
    assert record["outcome"] == parts[0]["outcome"] == expected
    assert record["verdict"] == (expected if expected == "undecided" else f"{expected} on digits")
    record, _ = judge(CLAIM, "full", "mask", arms(tmp_path, mask, baseline, REAL), [], "cmd")
    assert record["verdict"] == expected
    assert (record["images"], record["seeds"], len(record["runs"])) == (40, 2, 4)


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


@pytest.mark.parametrize(
    ("minimum", "why"),
    [
        ({"images": 40, "seeds": 2}, ""),
        ({"images": 41, "seeds": 2}, "40 images of at least 41"),
        ({"images": 40, "seeds": 3}, "2 seeds of at least 3"),
    ],
)
def test_too_few_images_or_seeds_decide_nothing(tmp_path: Path, minimum: dict[str, int], why: str) -> None:
    claim = {**CLAIM, "minimum": minimum}
    record, _ = judge(claim, "demo", "mask", arms(tmp_path, BETTER, SAME), [], "cmd")
    assert record["outcome"] == ("undecided" if why else "holds")
    assert why in record["reason"]
    assert record["estimate"] == pytest.approx(100)  # the number is shown all the same


def test_missing_runs_are_said_and_never_decide(tmp_path: Path) -> None:
    found = arms(tmp_path, BETTER, SAME)
    del found["baseline"][1]
    record, _ = judge(CLAIM, "full", "mask", arms(tmp_path, BETTER, SAME, REAL), ["baseline, seed 2"], "cmd")
    assert record["verdict"] == "undecided"
    assert "baseline, seed 2" in record["reason"]
    record, parts = judge(
        CLAIM, "demo", "mask", {**found, "baseline": {}}, ["baseline, seed 0, 1"], "make it"
    )
    assert (record["verdict"], parts) == ("no runs", [])
    assert "make it" in line(record)
    assert "`make it`" in markdown([record], parts)


def test_one_failing_effect_fails_the_claim_and_is_the_one_shown(tmp_path: Path) -> None:
    worse = {**EFFECT, "says": "lower", "label": "the other way"}
    claim = {**CLAIM, "effects": {"accuracy": EFFECT, "other": worse}}
    record, parts = judge(claim, "demo", "mask", arms(tmp_path, BETTER, SAME), [], "cmd")
    assert [part["outcome"] for part in parts] == ["holds", "fails"]
    assert (record["outcome"], record["effect"]) == ("fails", "the other way")


def test_runs_of_other_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="data=cifar10, but the claim is judged on digits"):
        judge(CLAIM, "demo", "mask", arms(tmp_path, BETTER, SAME, REAL), [], "cmd")


def test_data_say_themselves_whether_they_are_embedded() -> None:
    """Breaks when a claim's YAML could pass composites of digits off as photographs."""
    assert is_embedded({"layout": "composites", "options": {"source": {"layout": "digits"}}})
    assert not is_embedded({"layout": "composites", "options": {"source": {"layout": "cifar10"}}})


def test_a_number_that_a_run_lacks_is_no_verdict(tmp_path: Path) -> None:
    claim = {**CLAIM, "effects": {"x": {**EFFECT, "measure": {**EFFECT["measure"], "column": "auc"}}}}
    record, _ = judge(claim, "demo", "mask", arms(tmp_path, BETTER, SAME), [], "cmd")
    assert record["verdict"] == "no runs"
    assert "has no column 'auc'" in record["reason"]


def test_thresholds_rankings_and_other_images(tmp_path: Path) -> None:
    found = arms(tmp_path, MIXED, SAME)
    against = {**EFFECT, "against": None, "threshold": 20.0}
    assert measure(against, "mask", found, [0, 1]).estimate == pytest.approx(5)  # 25 % minus 20
    for numbers in found["mask"].values():
        frame = pd.DataFrame(
            {"index": [0, 1, 0, 1], "ranking": ["e", "e", "m", "m"], "auc": [0.9, 0.7, 0.2, 0.4]}
        )
        RunDirectory.open(numbers.run).artifacts.table("deletion", frame)
    side = {**SIDE, "table": "deletion", "column": "auc", "where": {"ranking": "e"}}
    within = {**EFFECT, "measure": side, "against": {**SIDE, "where": {"ranking": "m"}}}
    assert measure(within, "mask", found, [0, 1]).estimate == pytest.approx(50)
    with pytest.raises(UserError, match="several lines per image"):
        measure({**within, "measure": {**side, "where": {}}}, "mask", found, [0, 1])
    found["baseline"][1] = run(tmp_path, SAME[:39])
    with pytest.raises(UserError, match="different images"):
        measure(EFFECT, "mask", found, [0, 1])


def test_whole_set_scores_are_of_sums(tmp_path: Path) -> None:
    """Breaks when scores are averaged over images: one image of 90 pixels weighs more than one of 10."""
    data = {"name": "camvid", "layout": "camvid"}
    found: dict[str, Any] = {"fornet": {}, "k1": {}}
    for arm, hits in (("fornet", (90, 0)), ("k1", (0, 10))):
        made = RunDirectory.create(tmp_path, "fornet", "x", {"data": data}, [], {})
        confusion = np.zeros((2, 12, 12), int)
        for image, (total, right) in enumerate(zip((90, 10), hits, strict=True)):
            confusion[image, 0, 0], confusion[image, 0, 1] = right, total - right
        made.artifacts.array("counts", confusion=confusion)
        found[arm][0] = Numbers(made.path)
    effect = {
        **EFFECT,
        "test": "sums",
        "measure": {**SIDE, "column": "miou"},
        "against": {**SIDE, "arm": "k1"},
    }
    interval = measure(effect, "fornet", found, [0])
    assert interval.estimate == pytest.approx(
        100 * (0.9 - 0.1) / 2
    )  # the second class is predicted, never true
    assert interval.n_images == 2
    with pytest.raises(UserError, match="no labels per pixel"):
        measure(effect, "mask", {"mask": {0: run(tmp_path, SAME)}, "k1": found["k1"]}, [0])


def test_intervals_of_studies_and_of_seeds(tmp_path: Path) -> None:
    study = {"rho": 0.3, "rho_low": 0.2, "rho_high": 0.4}
    found = {"mask": {0: run(tmp_path, SAME, **study)}}
    effect = {
        **EFFECT,
        "test": "summary",
        "measure": {**SIDE, "key": "rho"},
        "against": None,
        "threshold": 10.0,
    }
    interval = measure({**effect, "count": "test/images"}, "mask", found, [0])
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((20, 10, 30))
    assert (interval.n_images, interval.n_seeds) == (40, 3)  # the study's own seeds
    costs = {"mask": {s: run(tmp_path, SAME, cost=v) for s, v in enumerate((9.0, 11.0, 10.0))}}
    costs["baseline"] = {s: run(tmp_path, SAME, cost=20.0) for s in range(3)}
    effect = {**EFFECT, "test": "seeds", "measure": {**SIDE, "key": "cost"}, "relative": True}
    interval = measure(effect, "mask", costs, [0, 1, 2])
    half = 4.302653 * 5 / 3**0.5  # t(0.975, 2) times the standard error of -55, -45, -50
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((-50, -50 - half, -50 + half))
    with pytest.raises(UserError, match="no number 'cost'"):
        measure(
            effect,
            "mask",
            {**costs, "baseline": {s: run(tmp_path, SAME, cost=None) for s in range(3)}},
            [0, 1, 2],
        )


def test_earlier_verdicts_stay_until_their_claim_changes(tmp_path: Path) -> None:
    record, parts = judge(CLAIM, "demo", "mask", arms(tmp_path, BETTER, SAME), [], "cmd")
    folder, specs = tmp_path / "claims", {"ersm_x": spec_of(CLAIM), "other": "1"}
    write_claims(folder, [record], parts, specs)
    other = {**record, "claim": "other", "spec": "1"}
    paths = write_claims(folder, [other], [], specs)
    held = json.loads(paths["json"].read_text())
    assert [item["claim"] for item in held["claims"]] == ["ersm_x", "other"]
    assert len(held["parts"]) == 1
    assert "It | helps." in paths["md"].read_text()
    page = read_claims(tmp_path, [])
    assert page[0]["verdict"] == "holds on digits"
    assert page[0]["low"] == pytest.approx(100)
    harder = {**CLAIM, "effects": {"accuracy": {**EFFECT, "margin": 2.0}}}
    assert spec_of(harder) != spec_of(CLAIM)
    paths = write_claims(folder, [other], [], {**specs, "ersm_x": spec_of(harder)})
    assert [item["claim"] for item in json.loads(paths["json"].read_text())["claims"]] == ["other"]
    paths["json"].write_text("{")
    write_claims(folder, [record], parts, specs)  # a damaged file is written anew


def test_verdicts_need_no_torch() -> None:
    code = "import sys, ersm_lab.reports.claims, ersm_lab.launch.claims; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
