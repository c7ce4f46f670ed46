"""Verdicts as people and programs read them: in a terminal, in Markdown, and in ``claims.json``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ersm_lab.claims.files import write_claims
from ersm_lab.claims.schema import MeasureConfig
from ersm_lab.claims.text import caution, lines_of, markdown
from ersm_lab.report.extras import read_claims
from ersm_lab.runs.directory import RunDirectory
from tests.claims.examples import BETTER, CLAIM, EFFECT, REAL, SAME, arms, judged


def test_what_is_printed_says_where_the_numbers_are_and_of_what_they_are(tmp_path: Path) -> None:
    second = replace(EFFECT, label="the other", test="seeds", measure=MeasureConfig(key="test/images"))
    claim = replace(CLAIM, effects={"accuracy": EFFECT, "other": second})
    found = arms(tmp_path, BETTER, SAME, REAL)
    verdict = judged(found, claim, "full")
    text = lines_of(verdict)
    for words in (
        "It | helps.",
        "accuracy minus baseline's, points: +100",
        "the other: +0",
        "on pictures",
        "40 images, 2 seeds",
        "artifacts/predictions.parquet: correct",
        "summary of the record: test/images",
        *(source.path.name for source in verdict.sources),
    ):
        assert words in text
    page = markdown([verdict])
    assert f"- baseline, seed 1: {verdict.sources[3].path}" in page
    assert "made by one version of ersm_lab" in page
    assert caution([verdict]) in page
    RunDirectory.open(verdict.sources[0].path).update(package_digest="older")
    assert "made by 2 versions of ersm_lab" in markdown([judged(found, claim, "full")])


def test_verdicts_are_counted_as_people_say_it(tmp_path: Path) -> None:
    """Breaks when one verdict is spoken of as several, or several as one."""
    holds, none = judged(arms(tmp_path, BETTER, SAME)), judged({})
    assert caution([none]).startswith("1 verdict: 0 decided (holds or fails), 1 open.")
    assert caution([holds, none]).startswith("2 verdicts: 1 decided (holds or fails), 1 open.")


def test_the_file_has_verdict_effect_interval_n_and_sources(tmp_path: Path) -> None:
    holds, none = judged(arms(tmp_path, BETTER, SAME)), judged({}, missing=("no run of either",))
    paths = write_claims(tmp_path / "claims", [holds, none])
    held = json.loads(paths["json"].read_text())
    first, second = held["claims"]
    assert (first["verdict"], first["outcome"], first["embedded"]) == ("holds on digits", "holds", True)
    assert (first["estimate"], first["images"], first["seeds"]) == (pytest.approx(100), 40, 2)
    assert (first["must be"], first["minimum"]) == ("above 1", {"images": 40, "seeds": 2})
    assert (second["verdict"], second["estimate"], second["runs"]) == ("no runs", None, [])
    assert [part["part"] for part in held["parts"]] == ["accuracy"]
    assert [(source["arm"], source["seed"]) for source in held["sources"]] == [
        ("mask", 0),
        ("mask", 1),
        ("baseline", 0),
        ("baseline", 1),
    ]
    assert all(Path(source["path"]).is_dir() for source in held["sources"])
    page = read_claims(tmp_path, [])
    assert [claim["verdict"] for claim in page] == ["holds on digits", "no runs"]
    assert page[0]["low"] == pytest.approx(100)


def test_a_verdict_that_is_not_judged_again_does_not_stay(tmp_path: Path) -> None:
    """Breaks when what claims.json says is believed: a verdict on runs that are gone, or one that was typed in."""
    holds, none = judged(arms(tmp_path, BETTER, SAME)), judged({})
    file = write_claims(tmp_path / "claims", [holds])["json"]
    write_claims(tmp_path / "claims", [none])
    assert [claim["verdict"] for claim in json.loads(file.read_text())["claims"]] == ["no runs"]
    file.write_text("{")
    write_claims(tmp_path / "claims", [holds])
    assert [claim["verdict"] for claim in json.loads(file.read_text())["claims"]] == ["holds on digits"]
