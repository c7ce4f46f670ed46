"""Which runs the words of the command line name, and what is said when they name none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.report.selection import select


def test_without_words_every_run_is_named_newest_first(outputs: Path) -> None:
    views = select([], outputs)
    assert len(views) == 7
    assert [(view.record.seed, view.status) for view in views[:3]] == [
        (7, "failed"),
        (1, "finished"),
        (0, "finished"),
    ]


def test_folders_patterns_and_names_of_runs_name_runs(outputs: Path, tmp_path: Path) -> None:
    run = select([], outputs)[-1].path
    assert [view.path for view in select([str(run)], tmp_path / "elsewhere")] == [run]
    assert len(select([str(outputs / "ersm" / "dig*")], tmp_path / "elsewhere")) == 7
    assert [view.path for view in select([run.name], outputs)] == [run]
    assert len(select([run.name, str(outputs)], outputs)) == 7


@pytest.mark.parametrize("word", ["status=finished", "accuracy>0.8", "published", "nowhere"])
def test_a_word_that_names_nothing_is_said_in_one_line(word: str, outputs: Path) -> None:
    with pytest.raises(UserError, match="is no folder and no run below") as caught:
        select([word], outputs)
    assert "\n" not in str(caught.value)


def test_no_outputs_and_no_runs_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        select([], tmp_path / "nowhere")
    with pytest.raises(UserError, match="no run below"):
        select([], tmp_path)
