"""Verdicts from run directories: each of them is reached, and what stands on a boundary decides nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ersm_lab.claims.numbers import Numbers, is_embedded, measure, read_from
from ersm_lab.claims.text import caution, is_short, lines_of, markdown, write_claims
from ersm_lab.claims.verdict import judge, outcome, spec_of
from ersm_lab.core.errors import UserError
from ersm_lab.report.extras import read_claims
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.statistics.intervals import Interval

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


def arms_again(sources: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for source in sources:
        found.setdefault(source["arm"], {})[source["seed"]] = Numbers(Path(source["path"]))
    return found


BETTER, SAME, MIXED = [1] * 40, [0] * 40, [1, 0, 0, 0] * 10


@pytest.mark.parametrize(
    ("mask", "baseline", "expected"),
    [(BETTER, MIXED, "holds"), (MIXED, BETTER, "fails"), (MIXED, MIXED, "fails"), ([1, 0] * 20, [0, 1] * 20, "undecided")],
)  # fmt: skip
def test_each_verdict_is_reached_and_embedded_data_speak_for_themselves_alone(
    tmp_path: Path, mask: list[int], baseline: list[int], expected: str
) -> None:
    record, parts, sources = judge(CLAIM, "demo", "mask", arms(tmp_path, mask, baseline), [], "cmd")
    assert len(sources) == 4
    assert record["outcome"] == parts[0]["outcome"] == expected
    assert record["verdict"] == (expected if expected == "undecided" else f"{expected} on digits")
    record, *_ = judge(CLAIM, "full", "mask", arms(tmp_path, mask, baseline, REAL), [], "cmd")
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


RANK = {"fails": 0, "undecided": 1, "holds": 2}


@given(
    st.floats(-5, 5), st.floats(0, 5), st.floats(0, 3), st.floats(0, 5), st.sampled_from(["higher", "lower", "kept"])
)  # fmt: skip
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
        ranks.append(RANK[judge(CLAIM, "demo", "mask", found, [], "cmd")[0]["outcome"]])
    assert ranks == sorted(ranks)
    assert {0, 2} <= set(ranks)


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
    record, *_ = judge(claim, "demo", "mask", arms(tmp_path, BETTER, SAME), [], "cmd")
    assert record["outcome"] == ("undecided" if why else "holds")
    assert why in record["reason"]
    assert record["estimate"] == pytest.approx(100)  # the number is shown all the same


def test_missing_runs_are_said_and_never_decide(tmp_path: Path) -> None:
    found = arms(tmp_path, BETTER, SAME)
    del found["baseline"][1]
    record, *_ = judge(CLAIM, "full", "mask", arms(tmp_path, BETTER, SAME, REAL), ["baseline, seed 2"], "cmd")
    assert record["verdict"] == "undecided"
    assert "baseline, seed 2" in record["reason"]
    record, parts, _ = judge(
        CLAIM, "demo", "mask", {**found, "baseline": {}}, ["baseline, seed 0, 1"], "make it"
    )
    assert (record["verdict"], parts) == ("no runs", [])
    assert "make it" in lines_of(record, parts)
    assert "`make it`" in markdown([record], parts)


def test_one_failing_effect_fails_the_claim_and_is_the_one_shown(tmp_path: Path) -> None:
    worse = {**EFFECT, "says": "lower", "label": "the other way"}
    claim = {**CLAIM, "effects": {"accuracy": EFFECT, "other": worse}}
    record, parts, _ = judge(claim, "demo", "mask", arms(tmp_path, BETTER, SAME), [], "cmd")
    assert [part["outcome"] for part in parts] == ["holds", "fails"]
    assert (record["outcome"], record["effect"]) == ("fails", "the other way")


def test_runs_of_other_data_give_no_verdict_and_leave_the_other_claims_alone(tmp_path: Path) -> None:
    record, parts, _ = judge(CLAIM, "demo", "mask", arms(tmp_path, BETTER, SAME, REAL), [], "cmd")
    assert (record["verdict"], parts) == ("no numbers", [])
    assert "data=cifar10, but the claim is judged on digits" in record["reason"]
    assert is_short(record)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [("data_fingerprint", "b", "not stand on the same data"), ("upstream", {"backbone": "b"}, "not stand on the same backbone")],
)  # fmt: skip
def test_runs_on_other_data_or_another_backbone_are_not_compared(
    tmp_path: Path, key: str, value: Any, said: str
) -> None:
    """Breaks when equal names of images are taken for equal images, or two backbones for one."""
    found = arms(tmp_path, BETTER, SAME)
    for numbers in (found["mask"][0], found["baseline"][0]):
        RunDirectory.open(numbers.run).update(upstream={"backbone": "a"}, data_fingerprint="a")
    for numbers in (found["mask"][1], found["baseline"][1]):
        RunDirectory.open(numbers.run).update(upstream={"backbone": "c"}, data_fingerprint="a")
    assert judge(CLAIM, "demo", "mask", found, [], "cmd")[0]["outcome"] == "holds"  # a backbone for each seed
    RunDirectory.open(found["mask"][1].run).update(**{key: value})
    record, *_ = judge(CLAIM, "demo", "mask", found, [], "cmd")
    assert record["outcome"] == "no numbers"
    assert said in record["reason"]


def test_a_damaged_file_gives_no_verdict_and_is_named(tmp_path: Path) -> None:
    found = arms(tmp_path, BETTER, SAME)
    file = found["mask"][1].run / "artifacts" / "predictions.parquet"
    file.write_bytes(b"PAR1 no")
    record, *_ = judge(CLAIM, "demo", "mask", found, [], "cmd")
    assert record["outcome"] == "no numbers"
    assert str(file) in record["reason"]


def test_seeds_that_disagree_widen_the_interval_of_few(tmp_path: Path) -> None:
    """Breaks when three networks speak for a method: 2,000 images are sure of what these three do, and their seeds are not."""
    claim = {**CLAIM, "minimum": {"images": 40, "seeds": 3}}
    right = [[1] * 26 + [0] * 14, [1] * 22 + [0] * 18, [1] * 36 + [0] * 4]
    found = {
        "mask": {seed: run(tmp_path, right[seed] * 50) for seed in range(3)},
        "baseline": {seed: run(tmp_path, ([1] * 20 + [0] * 20) * 50) for seed in range(3)},
    }
    record, *_ = judge(claim, "demo", "mask", found, [], "cmd")
    per_seed = np.array([15.0, 5.0, 40.0])
    half = 4.302653 * per_seed.std(ddof=1) / 3**0.5
    assert record["outcome"] == "undecided"
    assert record["interval"]["low"] < 20 - half
    assert "seeds" in record["test"]


def test_what_is_printed_says_where_the_numbers_are_and_of_what_they_are(tmp_path: Path) -> None:
    second = {**EFFECT, "label": "the other", "test": "seeds", "measure": {**SIDE, "key": "test/images"}}
    claim = {**CLAIM, "effects": {"accuracy": EFFECT, "other": second}}
    record, parts, sources = judge(claim, "full", "mask", arms(tmp_path, BETTER, SAME, REAL), [], "cmd")
    text = lines_of(record, parts)
    for words in (
        "It | helps.", "accuracy minus baseline's, points: +100", "the other: +0", "on pictures", "40 images, 2 seeds",
        "artifacts/predictions.parquet: correct", "summary of the record: test/images", *(Path(source["path"]).name for source in sources),
    ):  # fmt: skip
        assert words in text
    page = markdown([record], parts, sources)
    assert f"- baseline, seed 1: {sources[3]['path']}" in page
    assert "made by one version of ersm_lab" in page
    RunDirectory.open(sources[0]["path"]).update(package_digest="older")
    record, parts, sources = judge(claim, "full", "mask", arms_again(sources), [], "cmd")
    assert "made by 2 versions of ersm_lab" in markdown([record], parts, sources)
    assert "1 verdict, " in caution([record])
    assert caution([record]) in page


def test_data_say_themselves_whether_they_are_embedded() -> None:
    """Breaks when a claim's YAML could pass composites of digits off as photographs."""
    assert is_embedded({"layout": "composites", "options": {"source": {"layout": "digits"}}})
    assert is_embedded({"layout": "composites", "options": {"source": {"layout": "cifar10"}}})
    assert not is_embedded({"layout": "cifar10", "options": {}})


def test_a_number_that_a_run_lacks_is_no_verdict(tmp_path: Path) -> None:
    claim = {**CLAIM, "effects": {"x": {**EFFECT, "measure": {**EFFECT["measure"], "column": "auc"}}}}
    record, *_ = judge(claim, "demo", "mask", arms(tmp_path, BETTER, SAME), [], "cmd")
    assert record["verdict"] == "no numbers"
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


def test_what_a_run_does_without_occluders_is_taken_from_what_it_does_with_them(tmp_path: Path) -> None:
    """Breaks when a classifier that is better anyway counts as the more robust one."""
    found = arms(tmp_path, [1, 1, 1, 0] * 10, [1, 0, 0, 0] * 10)  # 75 and 25 % without occluders
    for arm, accuracy in (("mask", 0.5), ("baseline", 0.2)):
        for numbers in found[arm].values():
            frame = pd.DataFrame({"index": range(40), "accuracy": accuracy})
            RunDirectory.open(numbers.run).artifacts.table("covered", frame)
    effect = {**EFFECT, "measure": {**SIDE, "table": "covered", "column": "accuracy"}}
    assert measure(effect, "mask", found, [0, 1]).estimate == pytest.approx(30)
    effect["beyond"] = {**SIDE, "table": "predictions", "column": "correct"}
    assert measure(effect, "mask", found, [0, 1]).estimate == pytest.approx(-25 + 5)
    assert "minus artifacts/predictions.parquet: correct" in read_from(effect)


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


def earlier(folder: Path) -> tuple[dict[str, Any], list[Any], list[Any], Path]:
    """A verdict as a first call wrote it."""
    record, parts, sources = judge(CLAIM, "demo", "mask", arms(folder, BETTER, SAME), [], "cmd")
    return record, parts, sources, write_claims(folder / "claims", [record], parts, sources, SPECS)["json"]


SPECS = {"ersm_x": spec_of(CLAIM), "other": "1"}


def after(file: Path, specs: dict[str, str] = SPECS) -> list[str]:
    """Which verdicts are in the file after another claim was judged."""
    other = {**json.loads(json.dumps(RECORD)), "claim": "other", "spec": "1"}
    write_claims(file.parent, [other], [], [], specs)
    return [item["claim"] for item in json.loads(file.read_text())["claims"]]


RECORD = judge(CLAIM, "demo", "mask", {}, ["nothing"], "cmd")[0]


def test_earlier_verdicts_stay_while_nothing_changes(tmp_path: Path) -> None:
    _, _, _, file = earlier(tmp_path)
    assert after(file) == ["ersm_x", "other"]
    assert after(file) == ["ersm_x", "other"]  # what was written again is still sealed
    held = json.loads(file.read_text())
    assert (len(held["parts"]), len(held["sources"])) == (1, 4)
    assert "It | helps." in file.with_suffix(".md").read_text()
    page = read_claims(tmp_path, [])
    assert page[0]["verdict"] == "holds on digits"
    assert page[0]["low"] == pytest.approx(100)
    harder = {**CLAIM, "effects": {"accuracy": {**EFFECT, "margin": 2.0}}}
    assert spec_of(harder) != spec_of(CLAIM)
    assert after(file, {**SPECS, "ersm_x": spec_of(harder)}) == ["other"]
    file.write_text("{")
    assert after(file) == ["other"]  # a damaged file is written anew


def test_a_verdict_typed_in_by_hand_does_not_stay(tmp_path: Path) -> None:
    """Breaks when what claims.json says is believed."""
    for change in ("verdict", "estimate", "part", "whole"):
        file = earlier(tmp_path)[3]
        held = json.loads(file.read_text())
        if change == "part":
            held["parts"][0]["estimate"] = 3.0
        elif change == "whole":
            held["claims"].append({**held["claims"][0], "variant": "published", "verdict": "holds"})
        else:
            held["claims"][0][change] = "holds" if change == "verdict" else 3.0
        file.write_text(json.dumps(held))
        assert after(file) == (["ersm_x", "other"] if change == "whole" else ["other"])
        assert "holds" not in [item["verdict"] for item in json.loads(file.read_text())["claims"]]


def test_a_verdict_on_runs_that_are_gone_or_were_made_anew_does_not_stay(tmp_path: Path) -> None:
    record, _, _, file = earlier(tmp_path)
    RunDirectory.open(record["runs"][0]).finish("finished", summary={"test/images": 41})
    assert after(file) == ["other"]
    record, _, _, file = earlier(tmp_path)
    shutil.rmtree(record["runs"][0])
    assert after(file) == ["other"]


def test_a_verdict_that_lacked_something_is_not_kept(tmp_path: Path) -> None:
    """Breaks when `no runs` of last week is shown beside the runs of today."""
    file = write_claims(tmp_path / "claims", [RECORD], [], [], SPECS)["json"]
    assert after(file) == ["other"]


def test_verdicts_need_no_torch() -> None:
    code = "import sys, ersm_lab.claims.verdict, ersm_lab.claims.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
