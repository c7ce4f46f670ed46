"""The record of a run as a dataclass: nothing is lost on the way from the file and back, whatever the file holds."""

from __future__ import annotations

import json

import pytest

from ersm_lab.runs.record import ComparisonRecord, EvaluationRecord, GitState, RunRecord


def test_a_record_comes_back_from_json_as_it_was_written(run):
    run.finish("finished", summary={"test/accuracy": 0.5})
    written = json.loads((run.path / "run.json").read_text())
    record = RunRecord.from_json(written)
    assert record.to_json() == written
    assert (record.odd, record.extra) == ((), {})
    assert record == run.record
    assert (record.seed, record.overrides, record.git) == (3, ("seed=3",), GitState(**written["git"]))


def test_what_comes_later_is_absent_until_then(run):
    later = {"parameters", "gpu", "resumed"}
    assert not later & json.loads((run.path / "run.json").read_text()).keys()
    assert set(json.loads((run.path / "run.json").read_text())["timings"]) == {"started"}
    run.update(parameters=7, gpu=None)
    assert run.record.parameters == 7
    run.restart()
    assert len(run.record.resumed) == 1


def test_unknown_keys_stay(run):
    run.update(colour="green")
    assert run.record.extra == {"colour": "green"}
    assert run.record.to_json()["colour"] == "green"


def test_a_key_of_another_kind_takes_its_default_and_is_named():
    found = {"status": 3, "overrides": "seed=1", "timings": [], "seed": 2, "heartbeat": 7, "summary": None}
    record = RunRecord.from_json(found)
    assert record.odd == ("status", "overrides", "timings", "summary")
    assert (record.status, record.overrides, record.timings.started) == ("", (), "")
    assert (record.seed, record.heartbeat, record.summary) == (2, 7.0, {})


@pytest.mark.parametrize("kind", [RunRecord, EvaluationRecord, ComparisonRecord])
def test_an_empty_record_is_read_and_another_thing_is_none(kind):
    assert kind.from_json({}) == kind()
    with pytest.raises(ValueError, match="a JSON object is expected, not list"):
        kind.from_json([])
