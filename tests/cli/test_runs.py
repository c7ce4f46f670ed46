"""`ersm-lab runs`: which runs are listed, in what order, and which are removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ersm_lab.cli import main
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.record import RunIdentity


def make(variant: str, seed: int, status: str, accuracy: float | None = None) -> RunDirectory:
    config = {
        "seed": seed,
        "model": {"variant": variant},
        "evaluation": {"split": "test"},
        "callbacks": {"checkpoint": {"monitor": "val/accuracy"}},
    }
    run = RunDirectory.create(Path("outputs"), "ersm", "digits", config, [], RunIdentity(variant, seed=seed))
    if status != "running":
        summary = (
            {} if accuracy is None else {"test/energy": 3.0, "test/accuracy": accuracy, "val/accuracy": 0.0}
        )
        run.finish(status, summary)
    return run


@pytest.fixture
def runs(lab: Path) -> dict[str, RunDirectory]:
    (lab / "outputs" / "ersm" / "damaged").mkdir(parents=True)
    (lab / "outputs" / "ersm" / "damaged" / "run.json").write_text("no JSON")
    return {
        "good": make("recommended", 0, "finished", 0.9),
        "better": make("recommended", 1, "finished", 0.95),
        "failed": make("baseline", 0, "failed"),
        "running": make("baseline", 1, "running"),
    }


def listed(words: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert main(["runs", *words, "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_every_run_has_a_line_with_its_headline_score(
    runs: dict[str, RunDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "5 runs"
    (line,) = [line for line in said.splitlines() if str(runs["better"].path) in line]
    status, age, *parts = [part.strip() for part in line.split("  ") if part.strip()]
    assert (status, age.removesuffix(" s").isdigit()) == ("finished", True)
    assert parts[:4] == [
        "ersm/digits",
        "recommended",
        "seed 1",
        "test/accuracy 0.95",
    ]
    assert "unreadable" in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["status=finished"], {"good", "better"}),
        (["status=failed,running", "variant=baseline"], {"failed", "running"}),
        (["experiment=ersm/digits", "seed=1"], {"better", "running"}),
        (["paper=slem"], set()),
    ],
)
def test_conditions_all_hold(
    words: list[str], expected: set[str], runs: dict[str, RunDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    found = {line["run"] for line in listed(words, capsys)}
    assert found == {str(runs[name].path) for name in expected}


def test_the_highest_score_comes_first_and_runs_without_one_last(
    runs: dict[str, RunDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    assert [line["score"] for line in listed(["--sort", "score"], capsys)] == [0.95, 0.9, None, None, None]


def test_removal_asks_and_leaves_what_is_at_work(
    runs: dict[str, RunDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", "--rm"]) == 2
    assert "--rm needs KEY=VALUE words" in capsys.readouterr().err
    assert main(["runs", "variant=baseline", "--rm"]) == 1  # nobody sits at a terminal here
    assert "--yes removes them" in capsys.readouterr().err
    assert runs["failed"].path.is_dir()
    assert main(["runs", "variant=baseline", "--rm", "--yes"]) == 0
    assert "1 run removed" in capsys.readouterr().out
    assert not runs["failed"].path.exists()
    assert runs["running"].path.is_dir()


@pytest.mark.parametrize(("answer", "gone"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_the_question_is_answered_at_a_terminal(
    answer: str, gone: bool, runs: dict[str, RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(["runs", "status=failed", "--rm"]) == 0
    assert runs["failed"].path.exists() is not gone


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stats=finished"], "no key of runs named 'stats'; did you mean 'status'?"),
        (["status=fnished"], "no status of runs named 'fnished'; did you mean 'finished'?"),
        (["status=failed,kiled"], "no status of runs named 'kiled'; did you mean 'killed'?"),
        (["finished"], "runs takes KEY=VALUE, but got 'finished'"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], message: str, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", *words]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
