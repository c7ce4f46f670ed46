"""Which runs a query names, and what is said when it names none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.report.query import resolve, select


def names(words: list[str], outputs: Path) -> list[tuple[str, int]]:
    return sorted((view.config["model.variant"], view.record.seed) for view in select(words, outputs))


def test_without_words_every_run_is_named_newest_first(outputs: Path) -> None:
    views = select([], outputs)
    assert len(views) == 7
    assert [(view.record.seed, view.status) for view in views[:3]] == [
        (7, "failed"),
        (1, "finished"),
        (0, "finished"),
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["variant=recommended"], [("recommended", 0), ("recommended", 1)]),
        (["model.variant=REC*", "seed=1"], [("recommended", 1)]),
        (["variant!=baseline", "status=finished", "seed<1"], [("published", 0), ("recommended", 0)]),
        (["accuracy>=0.7"], [("recommended", 0), ("recommended", 1)]),
        (["lr=1e1"], [("published", 7)]),
        (["status=failed"], [("published", 7)]),
        (["status=failed", "experiment=digits"], [("published", 7)]),
        (["status=failed", "experiment=ersm/dig*"], [("published", 7)]),
        (["lerf_auc>0.74"], [("baseline", 0), ("baseline", 1)]),
        (["optimizer.lr=10.0", "PUBLISHED"], [("published", 7)]),
        (["images=12", "seconds>=0", "failed"], [("published", 7)]),
    ],
)
def test_conditions_all_hold(words: list[str], expected: list[tuple[str, int]], outputs: Path) -> None:
    assert names(words, outputs) == expected


def test_folders_and_patterns_name_runs_wherever_they_are(outputs: Path, tmp_path: Path) -> None:
    run = select(["variant=baseline", "seed=0"], outputs)[0].path
    assert names([str(run)], tmp_path / "elsewhere") == [("baseline", 0)]
    assert len(select([str(outputs / "ersm" / "dig*")], tmp_path / "elsewhere")) == 7
    assert names([str(outputs), "status=failed"], tmp_path) == [("published", 7)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["varient=x"], "no run has a 'varient'; did you mean 'variant'"),
        (["accuracy>high"], "after > stands a number"),
        (["variant=unheard"], "none of 7 runs matches variant=unheard"),
        (["name=digits"], "'name' may be data.name, logger.name"),
    ],
)
def test_what_means_nothing_is_said_in_one_line(words: list[str], message: str, outputs: Path) -> None:
    with pytest.raises(UserError, match=message.replace("'", ".")) as caught:
        select(words, outputs)
    assert "\n" not in str(caught.value)


def test_no_outputs_and_no_runs_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        select([], tmp_path / "nowhere")
    with pytest.raises(UserError, match="no run below"):
        select([], tmp_path)


def test_a_metric_of_the_training_wins_over_one_of_an_evaluation() -> None:
    known = ["test/accuracy", "stress-1: test/accuracy", "val/deep/accuracy"]
    assert resolve("accuracy", known) == "test/accuracy"
    assert resolve("stress-1: test/accuracy", known) == "stress-1: test/accuracy"
