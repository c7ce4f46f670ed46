"""Where the runs of claims come from: written tables, equal finished runs, and nothing is launched unasked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ersm_lab.claims.launch as launch
import ersm_lab.claims.shelf as shelf
import ersm_lab.training.evaluate as training
from ersm_lab.claims.check import check_claims
from ersm_lab.claims.evaluations import evaluation_of
from ersm_lab.claims.request import ClaimsRequest, select_claims
from ersm_lab.claims.shelf import Shelf
from ersm_lab.claims.verdict import Verdict
from ersm_lab.cli import main
from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain
from ersm_lab.plan.identity import identify
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.record import RunIdentity
from ersm_lab.tables.schema import combinations, load_table

DATA = {"name": "cluttered_digits", "layout": "composites", "options": {"source": {"layout": "digits"}}}
ARMS = ("published", "recommended", "baseline")


def write_table(outputs: Path, skip: tuple[str, int] | None = None) -> dict[str, dict[int, Path]]:
    """The runs of table ersm_digits as training leaves them: masks that are right more often than the baseline."""
    table = load_table("ersm_digits")
    held: dict[str, dict[int, Path]] = {}
    chosen = {arm: combinations(table.rows[arm].tune)[0] for arm in ARMS}
    planner = Planner()
    for arm in ARMS:
        said = [*table.words(arm), *chosen[arm]]
        experiment = compose_experiment(said)
        correct = [1.0, 1.0, 1.0, 0.0] if arm != "baseline" else [1.0, 0.0, 1.0, 0.0]
        frame = pd.DataFrame({"index": range(1200), "correct": correct * 300})
        for seed in table.seeds:
            if (arm, seed) == skip:
                continue
            one = replace(experiment, config=replace(experiment.config, seed=seed))
            cell = planner.plan(one)
            run = RunDirectory.create(
                outputs, "ersm", "digits", {"data": DATA, "seed": seed}, said, cell.identity
            )
            run.artifacts.table("predictions", frame)
            run.finish("finished", summary={"test/accuracy": float(frame["correct"].mean())})
            held.setdefault(arm, {})[seed] = run.path
    folder = outputs / "tables" / "ersm_digits"
    folder.mkdir(parents=True, exist_ok=True)
    tuning = {arm: {"chosen": words} for arm, words in chosen.items()}
    (folder / "table.json").write_text(json.dumps({"tuning": tuning}))
    return held


def never(*_: Any) -> Any:
    raise AssertionError("nothing may be launched or evaluated here")


def check(*names: str, profile: str = "demo", run: bool = False) -> list[Verdict]:
    return check_claims(ClaimsRequest(select_claims(names, profile), [], run))[0]


@pytest.fixture(autouse=True)
def evaluate(monkeypatch: pytest.MonkeyPatch) -> None:
    """No run is evaluated but where a test says how."""
    monkeypatch.setattr(training, "evaluate_runs", never)


def test_a_written_table_is_judged_from_the_command_line(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "TablePlan", never)
    write_table(lab / "outputs")
    assert main(["claims", "ersm_accuracy"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("holds on cluttered_digits") == 2
    held = json.loads((lab / "outputs" / "claims" / "claims.json").read_text())["claims"]
    said = "holds on cluttered_digits"
    assert {(item["variant"], item["verdict"], item["images"], item["seeds"]) for item in held} == {
        ("published", said, 1200, 5),
        ("recommended", said, 1200, 5),
    }
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


def test_the_verdicts_of_other_claims_are_found_anew_and_kept(lab: Path) -> None:
    """Breaks when naming one claim drops the others from the files, or an old verdict is read back."""

    def held() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for item in json.loads((lab / "outputs" / "claims" / "claims.json").read_text())["claims"]:
            found.setdefault(item["claim"], set()).add(item["outcome"])
        return found

    assert {verdict.claim.name for verdict in check("ersm_accuracy")} == {"ersm_accuracy"}
    assert held() == {"ersm_accuracy": {"no runs"}}
    write_table(lab / "outputs")
    assert {verdict.claim.name for verdict in check("slem_shannon")} == {"slem_shannon"}
    assert held() == {"ersm_accuracy": {"holds"}, "slem_shannon": {"no runs"}}
    check("ersm_accuracy", profile="full")
    assert held() == {"ersm_accuracy": {"no runs"}}


def test_runs_are_found_by_what_they_are(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when table.json says which runs count: runs that failed since, another choice of trials, another configuration."""
    held, claim = write_table(lab / "outputs"), select_claims(["ersm_accuracy"], "demo")[0]
    found = Shelf([f"paths.outputs={lab / 'outputs'}"]).of_claim(claim)
    assert (found.runs, found.complete) == (held, True)
    RunDirectory.open(held["baseline"][0]).finish("failed")
    found = Shelf([f"paths.outputs={lab / 'outputs'}"]).of_claim(claim)
    assert set(found.runs["baseline"]) == {1, 2, 3, 4}
    assert found.missing["baseline"] == ["no run: baseline, seed 0, of table ersm_digits"]

    file = lab / "outputs" / "tables" / "ersm_digits" / "table.json"
    written = json.loads(file.read_text())
    written["tuning"]["recommended"]["chosen"] = ["optimizer.lr=7"]  # nothing that the table tries
    del written["tuning"]["published"]
    file.write_text(json.dumps(written))
    found = Shelf([f"paths.outputs={lab / 'outputs'}"]).of_claim(claim)
    assert found.runs["recommended"] == found.runs["published"] == {}
    assert "not tuned yet" in found.missing["recommended"][0]

    composed = shelf.Composer.__call__

    def longer(compose: Any, words: Any) -> Any:
        return composed(compose, [*words, "trainer.max_epochs=77"])

    write_table(lab / "outputs")
    monkeypatch.setattr(shelf.Composer, "__call__", longer)  # as if the experiment's YAML had changed
    assert not any(Shelf([f"paths.outputs={lab / 'outputs'}"]).of_claim(claim).runs.values())


def test_without_the_data_runs_speak_for_themselves(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when verdicts on finished runs need the data set that they were trained on."""
    held = write_table(lab / "outputs")

    def no_data(*_: Any) -> Any:
        raise UserError("no data in data/cifar10")

    monkeypatch.setattr(Planner, "plan", no_data)
    claim = select_claims(["ersm_accuracy"], "demo")[0]
    assert Shelf([f"paths.outputs={lab / 'outputs'}"]).of_claim(claim).runs == held
    # then it is not what its hash says
    RunDirectory.open(held["baseline"][2]).update(data_fingerprint="other")
    assert set(Shelf([f"paths.outputs={lab / 'outputs'}"]).of_claim(claim).runs["baseline"]) == {0, 1, 3, 4}


def test_only_run_launches_what_is_missing(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def make_table(name: str, *_: Any) -> None:
        asked.append(name)
        write_table(lab / "outputs")

    monkeypatch.setattr(launch, "make_table", make_table)
    assert {verdict.outcome for verdict in check("ersm_accuracy")} == {"no runs"}
    assert asked == []
    assert {verdict.outcome for verdict in check("ersm_accuracy", run=True)} == {"holds"}
    assert asked == ["ersm_digits"]
    check("ersm_accuracy", run=True)
    assert asked == ["ersm_digits"]  # complete: nothing is asked for again


def test_a_study_is_found_by_its_hash(lab: Path) -> None:
    words = ["experiment=slem/photographs", "model=slem/multiscale", "seed=0"]
    experiment = compose_experiment(words)
    record = identify(experiment, {})
    run = RunDirectory.create(lab / "outputs", "slem", "photographs", plain(experiment.config), words, record)
    study = {
        "test/shannon_activity": 0.6,
        "test/shannon_activity_low": 0.3,
        "test/shannon_activity_high": 0.8,
    }
    run.finish("finished", summary={**study, "test/pictures": 18})
    (verdict,) = check("slem_shannon")
    assert verdict.said == "holds on photographs"
    assert verdict.parts[0].interval.estimate == 0.6
    assert verdict.runs == [Path("outputs") / run.path.relative_to(lab / "outputs")]


def test_an_evaluation_with_other_settings_is_not_read_and_the_right_one_is_made(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when any evaluation of that name will do: other occluders, or other pictures, are another number."""
    held = write_table(lab / "outputs")
    asked: list[Path] = []

    def evaluate(paths: Any, composed: Any, overrides: Any) -> None:
        asked.extend(paths)
        for path in paths:
            run = RunDirectory.open(path)
            made = run.evaluation("claims", {"evaluation": plain(composed.evaluation), "data": DATA})
            right = 0.2 if path.name in {known.name for known in held["baseline"].values()} else 0.5
            frame = pd.DataFrame({"index": range(1200), "shape": "all", "accuracy": right})
            made.artifacts.table("occlusion_images", frame)
            made.artifacts.table("predictions", pd.DataFrame({"index": range(1200), "correct": 0.5}))
            made.finish("finished")

    other = RunDirectory.open(held["baseline"][0]).evaluation("claims", {"evaluation": {"name": "claims"}})
    other.finish("finished")
    settings = plain(compose_experiment(["evaluation=claims"]).config.evaluation)
    elsewhere = {"evaluation": settings, "data": {**DATA, "options": {"canvas": 32}}}
    RunDirectory.open(held["baseline"][1]).evaluation("claims", elsewhere).finish("finished")
    monkeypatch.setattr(training, "evaluate_runs", evaluate)
    verdicts = check("ersm_occlusion")
    assert len(asked) == 15
    assert {verdict.outcome for verdict in verdicts} == {"holds"}
    assert all("evaluations" in path.parts for path in verdicts[0].runs)
    monkeypatch.setattr(training, "evaluate_runs", never)
    assert check("ersm_occlusion")[0].parts[0].interval.estimate == pytest.approx(30)


def test_an_evaluation_that_was_made_before_counts(lab: Path) -> None:
    """Breaks when evaluations are made again because their suite's settings have gained or lost an option that is off."""
    run = RunDirectory.create(lab / "outputs", "ersm", "x", {"data": DATA}, [], RunIdentity())
    settings = compose_experiment(["evaluation=claims"]).config.evaluation
    assert evaluation_of(run.path, settings) is None
    before = {**plain(settings), "stress_of_old": {"enabled": False, "areas": [0.5]}, "note": None}
    made = run.evaluation("claims", {"evaluation": before, "data": DATA})
    assert evaluation_of(run.path, settings) is None  # it has not finished
    made.finish("finished")
    assert evaluation_of(run.path, settings) == made.path
    switched_on = {**before, "stress_of_old": {"enabled": True, "areas": [0.5]}}
    run.evaluation("claims", {"evaluation": switched_on, "data": DATA}).finish("finished")
    assert evaluation_of(run.path, settings) == made.path  # the newest, of those that measured the same


def test_claims_that_share_runs_launch_them_once_and_a_failure_leaves_the_others_alone(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Breaks when a row that always fails is run again for every claim on its table, or when one data set that is not there ends all."""
    asked: list[str] = []
    monkeypatch.setattr(launch, "make_table", lambda name, *_: asked.append(name))
    verdicts = check("ersm_accuracy", "ersm_sparsity", "ersm_accuracy", run=True)
    assert asked == ["ersm_digits"]
    assert [verdict.claim.name for verdict in verdicts] == ["ersm_accuracy"] * 2 + ["ersm_sparsity"] * 2
    assert check("slem_points_matter", profile="full", run=True)[0].said == "no runs"
    assert "no data in" in capsys.readouterr().out


def test_an_evaluation_that_cannot_be_made_is_said_once(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(lab / "outputs")

    def evaluate(*_: Any) -> None:
        raise UserError("no data set: looked for data/x")

    monkeypatch.setattr(training, "evaluate_runs", evaluate)
    verdicts = check("ersm_deletion", "ersm_accuracy")
    assert [verdict.outcome for verdict in verdicts] == ["no runs", "no runs", "holds", "holds"]
    assert verdicts[0].reason.count("looked for data/x") == 1
    assert "no evaluation 'claims': published, seed 0, 1, 2, 3, 4" in verdicts[0].reason
