"""Where the runs of claims come from: written tables, equal finished runs, and nothing is launched unasked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ersm_lab.launch.claims as claims
from ersm_lab.cli import main
from ersm_lab.config.compose import compose_experiment
from ersm_lab.config.tables import load_table
from ersm_lab.launch.identity import identify
from ersm_lab.runs.directory import RunDirectory

DATA = {"name": "cluttered_digits", "layout": "composites", "options": {"source": {"layout": "digits"}}}
ARMS = ("published", "recommended", "baseline")


def write_table(outputs: Path, skip: tuple[str, int] | None = None) -> dict[str, dict[str, str]]:
    """The runs of table ersm_digits as training leaves them: masks that are right more often than the baseline."""
    table = load_table("ersm_digits")
    held: dict[str, dict[str, str]] = {}
    for arm in ARMS:
        correct = [1.0, 1.0, 1.0, 0.0] if arm != "baseline" else [1.0, 0.0, 1.0, 0.0]
        frame = pd.DataFrame({"index": range(1200), "correct": correct * 300})
        for seed in table["seeds"]:
            if (arm, seed) == skip:
                continue
            said = [
                "experiment=ersm/digits",
                *table["overrides"],
                *table["rows"][arm]["overrides"],
                f"seed={seed}",
            ]
            run = RunDirectory.create(outputs, "ersm", "digits", {"data": DATA, "seed": seed}, said, {})
            run.artifacts.table("predictions", frame)
            run.finish("finished", summary={"test/accuracy": float(frame["correct"].mean())})
            held.setdefault(arm, {})[str(seed)] = str(run.path)
    folder = outputs / "tables" / "ersm_digits"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.json").write_text(json.dumps({"runs": held}))
    return held


def never(*_: Any) -> Any:
    raise AssertionError("nothing may be launched or evaluated here")


def test_a_written_table_is_judged_from_the_command_line(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "TablePlan", never)
    write_table(lab / "outputs")
    assert main(["claims", "ersm_accuracy"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("holds on cluttered_digits") == 2
    held = json.loads((lab / "outputs" / "claims" / "claims.json").read_text())["claims"]
    assert {(item["variant"], item["verdict"], item["images"], item["seeds"]) for item in held} == {
        ("published", "holds on cluttered_digits", 1200, 5), ("recommended", "holds on cluttered_digits", 1200, 5),
    }  # fmt: skip
    assert all(len(item["runs"]) == 10 for item in held)


def test_without_runs_the_exit_code_and_a_command_say_so(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "ersm_accuracy", "PROFILE=full"]) == 1
    printed = capsys.readouterr().out
    assert "no runs" in printed
    assert "ersm-lab claims ersm_accuracy PROFILE=full --run" in printed


def test_a_missing_seed_leaves_the_claim_undecided(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_table(lab / "outputs", skip=("baseline", 3))
    assert main(["claims", "ersm_accuracy"]) == 1
    assert "baseline, seed 3, of table ersm_digits" in capsys.readouterr().out
    held = json.loads((lab / "outputs" / "claims" / "claims.json").read_text())["claims"]
    assert {item["verdict"] for item in held} == {"undecided"}


def test_runs_that_are_no_longer_what_the_table_says_do_not_count(lab: Path) -> None:
    """Breaks when table.json is believed: a run that failed since, and one of another arm."""
    held = write_table(lab / "outputs")
    RunDirectory.open(held["baseline"]["0"]).finish("failed")
    held["baseline"]["1"] = held["recommended"]["1"]
    (lab / "outputs" / "tables" / "ersm_digits" / "table.json").write_text(json.dumps({"runs": held}))
    found = claims.runs_of_table("ersm_digits", lab / "outputs", ARMS)
    assert set(found.runs["baseline"]) == {2, 3, 4}
    assert found.missing["baseline"] == ["baseline, seed 0, 1, of table ersm_digits"]
    assert set(found.runs["recommended"]) == {0, 1, 2, 3, 4}


def test_only_run_launches_what_is_missing(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class TablePlan:
        def __init__(self, table: Any, overrides: Any) -> None:
            asked.append(table["experiment"])

        def run(self, launcher: Any) -> dict[str, Any]:
            write_table(lab / "outputs")
            return {}

    monkeypatch.setattr(claims, "TablePlan", TablePlan)
    monkeypatch.setattr(claims, "summarise", lambda *_: {})
    monkeypatch.setattr(claims, "write_table", lambda *_: {})
    records, _ = claims.check_claims(["ersm_accuracy"], "demo", [], True, 1, never)
    assert asked == ["ersm/digits"]
    assert {record["outcome"] for record in records} == {"holds"}
    claims.check_claims(["ersm_accuracy"], "demo", [], True, 1, never)
    assert asked == ["ersm/digits"]  # complete: nothing is asked for again


def test_a_study_is_found_by_its_hash(lab: Path) -> None:
    words = ["experiment=slem/photographs", "model=slem/multiscale", "seed=0"]
    experiment = compose_experiment(words)
    record = identify(experiment, {})
    run = RunDirectory.create(lab / "outputs", "slem", "photographs", experiment.config, words, record)
    study = {
        "test/shannon_activity": 0.6,
        "test/shannon_activity_low": 0.3,
        "test/shannon_activity_high": 0.8,
    }
    run.finish("finished", summary={**study, "test/pictures": 18})
    records, _ = claims.check_claims(["slem_shannon"], "demo", [], False, 1, never)
    assert records[0]["verdict"] == "holds on photographs"
    assert (records[0]["estimate"], records[0]["runs"]) == (
        0.6,
        [f"outputs/{run.path.relative_to(lab / 'outputs')}"],
    )


def test_an_evaluation_with_other_settings_is_not_read_and_the_right_one_is_made(lab: Path) -> None:
    """Breaks when any evaluation of that name will do: other occluders, or other pictures, are another number."""
    held = write_table(lab / "outputs")
    asked: list[Path] = []

    def evaluate(paths: Any, composed: Any, overrides: Any) -> None:
        asked.extend(paths)
        for path in paths:
            run = RunDirectory.open(path)
            made = run.evaluation("claims", {"evaluation": composed["evaluation"], "data": DATA})
            right = 0.2 if "model=ersm/baseline" in run.record["overrides"] else 0.5
            frame = pd.DataFrame({"index": range(1200), "shape": "all", "accuracy": right})
            made.artifacts.table("occlusion_images", frame)
            made.finish("finished")

    other = RunDirectory.open(held["baseline"]["0"]).evaluation("claims", {"evaluation": {"name": "claims"}})
    other.finish("finished")
    settings = compose_experiment(["evaluation=claims"]).config["evaluation"]
    elsewhere = {"evaluation": settings, "data": {**DATA, "options": {"canvas": 32}}}
    RunDirectory.open(held["baseline"]["1"]).evaluation("claims", elsewhere).finish("finished")
    records, _ = claims.check_claims(["ersm_occlusion"], "demo", [], False, 1, evaluate)
    assert len(asked) == 15
    assert {record["outcome"] for record in records} == {"holds"}
    assert all("evaluations" in path for path in records[0]["runs"])
    records, _ = claims.check_claims(["ersm_occlusion"], "demo", [], False, 1, never)
    assert records[0]["estimate"] == pytest.approx(30)
