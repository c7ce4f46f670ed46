"""Intervals of effects: thresholds, differences, scores of a whole set, studies and seeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ersm_lab.claims import sums
from ersm_lab.claims.effects import measure, read_from
from ersm_lab.claims.numbers import Numbers
from ersm_lab.claims.schema import MeasureConfig
from ersm_lab.claims.sums import Score
from ersm_lab.core.errors import UserError
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.record import RunIdentity
from ersm_lab.runs.stored import StoredData
from tests.claims.examples import CORRECT, EFFECT, MIXED, SAME, arms, run


def test_data_say_themselves_whether_they_are_embedded() -> None:
    """Breaks when a claim's YAML could pass composites of digits off as photographs."""
    assert StoredData.of({"layout": "composites", "options": {"source": {"layout": "digits"}}}).embedded
    assert StoredData.of({"layout": "composites", "options": {"source": {"layout": "cifar10"}}}).embedded
    assert not StoredData.of({"layout": "cifar10", "options": {}}).embedded


def test_thresholds_rankings_and_other_images(tmp_path: Path) -> None:
    found = arms(tmp_path, MIXED, SAME)
    against = replace(EFFECT, against=None, threshold=20.0)
    assert measure(against, "mask", found, [0, 1]).estimate == pytest.approx(5)  # 25 % minus 20
    for numbers in found["mask"].values():
        frame = pd.DataFrame(
            {"index": [0, 1, 0, 1], "ranking": ["e", "e", "m", "m"], "auc": [0.9, 0.7, 0.2, 0.4]}
        )
        RunDirectory.open(numbers.run).artifacts.table("deletion", frame)
    side = MeasureConfig(table="deletion", column="auc", where={"ranking": "e"})
    within = replace(EFFECT, measure=side, against=MeasureConfig(where={"ranking": "m"}))
    assert measure(within, "mask", found, [0, 1]).estimate == pytest.approx(50)
    with pytest.raises(UserError, match="several lines per image"):
        measure(replace(within, measure=replace(side, where={})), "mask", found, [0, 1])
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
    effect = replace(EFFECT, measure=MeasureConfig(table="covered", column="accuracy"))
    assert measure(effect, "mask", found, [0, 1]).estimate == pytest.approx(30)
    effect = replace(effect, beyond=CORRECT)
    assert measure(effect, "mask", found, [0, 1]).estimate == pytest.approx(-25 + 5)
    assert "minus artifacts/predictions.parquet: correct" in read_from(effect)


def test_whole_set_scores_are_of_sums(tmp_path: Path) -> None:
    """Breaks when scores are averaged over images: one image of 90 pixels weighs more than one of 10."""
    config = {"data": {"name": "camvid", "layout": "camvid"}, "evaluation": {"suite": "segmentation"}}
    found: dict[str, Any] = {"fornet": {}, "k1": {}}
    for arm, hits in (("fornet", (90, 0)), ("k1", (0, 10))):
        made = RunDirectory.create(tmp_path, "fornet", "x", config, [], RunIdentity())
        confusion = np.zeros((2, 12, 12), int)
        for image, (total, right) in enumerate(zip((90, 10), hits, strict=True)):
            confusion[image, 0, 0], confusion[image, 0, 1] = right, total - right
        made.artifacts.array("counts", confusion=confusion)
        found[arm][0] = Numbers(made.path)
    k1 = MeasureConfig(arm="k1")
    effect = replace(EFFECT, test="sums", measure=MeasureConfig(column="miou"), against=k1)
    interval = measure(effect, "fornet", found, [0])
    # the second class is predicted, never true
    assert interval.estimate == pytest.approx(100 * (0.9 - 0.1) / 2)
    assert interval.n_images == 2
    with pytest.raises(
        UserError, match="different suites or data: segmentation on camvid and slem_removal on"
    ):
        measure(effect, "mask", {"mask": {0: run(tmp_path, SAME)}, "k1": found["k1"]}, [0])
    digits = run(tmp_path, SAME, suite="segmentation")
    with pytest.raises(UserError, match="segmentation gives no score of sums on digits"):
        measure(effect, "mask", {"mask": {0: digits}, "k1": {0: digits}}, [0])


def test_intervals_of_studies_and_of_seeds(tmp_path: Path) -> None:
    study = {"rho": 0.3, "rho_low": 0.2, "rho_high": 0.4}
    found = {"mask": {0: run(tmp_path, SAME, **study)}}
    rho = MeasureConfig(key="rho")
    effect = replace(EFFECT, test="summary", measure=rho, against=None, threshold=10.0, count="test/images")
    interval = measure(effect, "mask", found, [0])
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((20, 10, 30))
    assert (interval.n_images, interval.n_seeds) == (40, 3)  # the study's own seeds
    costs = {"mask": {s: run(tmp_path, SAME, cost=v) for s, v in enumerate((9.0, 11.0, 10.0))}}
    costs["baseline"] = {s: run(tmp_path, SAME, cost=20.0) for s in range(3)}
    effect = replace(EFFECT, test="seeds", measure=MeasureConfig(key="cost"), relative=True)
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


def counted_share(table: object) -> dict[str, Score]:
    """Of a suite that knows of no labels."""
    assert table is None
    return {"miou": ("hits", lambda sums: sums[:, 0] / sums[:, 1])}


def test_a_suite_without_labels_gives_scores_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when a label table is needed, or a score of another suite with the same name is taken."""
    loaded = sums.loaded

    def with_one_more(kind: str, *attribute: str) -> dict[str, Any]:
        more = {"counting": counted_share} if kind == "suites" else {}
        return {**loaded(kind, *attribute), **more}

    monkeypatch.setattr(sums, "loaded", with_one_more)
    found: dict[str, Any] = {"mask": {}, "baseline": {}}
    for arm, hits in (("mask", 3), ("baseline", 1)):
        numbers = found[arm][0] = run(tmp_path, SAME, suite="counting")
        RunDirectory.open(numbers.run).artifacts.array("counts", hits=np.array([[hits, 4]] * 5))
    effect = replace(EFFECT, test="sums", measure=MeasureConfig(column="miou"))
    assert measure(effect, "mask", found, [0]).estimate == pytest.approx(50)


def test_a_score_that_the_labels_do_not_have_is_named(tmp_path: Path) -> None:
    found = arms(tmp_path, SAME, SAME, {"name": "camvid", "layout": "camvid"}, "segmentation")
    effect = replace(EFFECT, test="sums", measure=MeasureConfig(column="speed"))
    with pytest.raises(UserError, match="camvid has no score 'speed', but miou"):
        measure(effect, "mask", found, [0, 1])
