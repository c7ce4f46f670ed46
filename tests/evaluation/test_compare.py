"""Arms of evaluated runs: which are compared, what is paired, what a comparison writes whatever its suite."""

from __future__ import annotations

import pandas as pd
import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import Plugin
from ersm_lab.evaluation.arms import Arms, Member, column
from ersm_lab.evaluation.compare import compare
from ersm_lab.evaluation.suite import Suite
from ersm_lab.runs.artifacts import ArtifactStore

PAPER = Plugin("paper", "paper", lead=("ours", "also_ours"), baselines=("plain",), rankings={"own": "m:own"})


class Evaluation:
    """An evaluation's folder with one table of accuracies."""

    def __init__(self, folder, correct) -> None:
        self.artifacts = ArtifactStore(folder)
        self.record = type("Record", (), {"summary": {"test/accuracy": sum(correct) / len(correct)}})
        self.artifacts.table("predictions", pd.DataFrame({"index": range(len(correct)), "correct": correct}))


class Accuracy(Suite):
    def compare(self, arms, store, data, split):
        store.table("own_differences", pd.DataFrame({"estimate": [1.0, 2.0]}))
        rows = arms.differences({"accuracy": column("predictions", "correct"), "gone": column("no", "x")})
        other = pd.DataFrame([{"arm": "ours", "against": "chance", "measure": "accuracy"}])
        return pd.concat([other, rows], ignore_index=True)


def members(tmp_path, *names: str, seeds=(0, 1), plugin=PAPER) -> list[Member]:
    correct = {"ours": [1.0, 1.0, 1.0, 0.0], "plain": [1.0, 0.0, 0.0, 0.0]}
    return [
        Member(
            name,
            seed,
            Evaluation(tmp_path / f"{name}{seed}", correct.get(name, [0.0, 0.0, 1.0, 1.0])),
            plugin,
        )
        for name in names
        for seed in seeds
    ]


def test_the_plug_in_says_which_arm_leads_and_which_is_the_baseline(tmp_path) -> None:
    arms = Arms(members(tmp_path, "plain", "third", "ours"))
    assert (arms.lead, arms.baseline) == ("ours", "plain")
    assert list(arms.pairs()) == [("ours", "plain"), ("ours", "third"), ("third", "plain")]
    assert arms.own_rankings == ["own"]
    assert arms.seeds_said == "n = 2 seeds"
    unknown = Arms(members(tmp_path, "a", "b", plugin=None))
    assert (unknown.lead, unknown.baseline, unknown.own_rankings) == ("b", "a", [])


def test_two_runs_of_one_arm_and_seed_are_one_line(tmp_path) -> None:
    with pytest.raises(UserError, match="two runs of the arm 'ours' with seed 0"):
        Arms(members(tmp_path, "ours", "ours", seeds=(0,)))


def test_runs_of_other_images_are_not_compared(tmp_path) -> None:
    found = members(tmp_path, "ours", "plain")
    found[1] = Member("ours", 1, Evaluation(tmp_path / "other", [1.0]), PAPER)
    with pytest.raises(UserError, match="runs of 'ours' were evaluated on different images"):
        Arms(found).differences({"accuracy": column("predictions", "correct")})


def test_a_comparison_writes_means_and_the_rows_of_its_suite(tmp_path) -> None:
    store = ArtifactStore(tmp_path / "comparison")
    summary = compare(Accuracy(), members(tmp_path, "plain", "third", "ours"), store, None, "test")
    assert summary == {"arms": 3, "seeds": 2, "differences": 6}  # its own table of differences counts
    means = store.read_table("means").set_index("arm")
    assert means.loc["ours", "mean"] == pytest.approx(0.75)
    assert means.loc["ours", "n_seeds"] == 2
    rows = store.read_table("differences")
    pairs = list(zip(rows["arm"], rows["against"], strict=True))
    # what is no pair of arms comes last
    assert pairs == [("ours", "plain"), ("ours", "third"), ("third", "plain"), ("ours", "chance")]
    assert rows["estimate"][0] == pytest.approx(0.5)
    assert (rows["n_images"][0], rows["n_seeds"][0]) == (4, 2)


def test_a_suite_without_a_comparison_of_its_own_has_means_alone(tmp_path) -> None:
    store = ArtifactStore(tmp_path / "comparison")
    found = compare(Suite(), members(tmp_path, "plain", "ours"), store, None, "test")
    assert found["differences"] == 0
    assert [entry.name for entry in store.entries()] == ["means", "differences"]
