"""A table from run directories: what is averaged, what is compared, and what is said when a run is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.record import RunIdentity
from ersm_lab.tables.files import write_table
from ersm_lab.tables.rows import RowRuns, Trial
from ersm_lab.tables.schema import ColumnConfig, ComparisonConfig, ReportedConfig, RowConfig, TableConfig
from ersm_lab.tables.summary import summarise
from ersm_lab.tables.text import latex, markdown

ACCURACY = ColumnConfig("test/accuracy", "accuracy, %", scale=100.0, per_image="correct")
SHARE = ColumnConfig("test/share", "share", digits=2, better="neither")
TABLE = TableConfig(
    title="Two arms",
    experiment="ersm/fake",
    seeds=[0, 1],
    rows={"plain": RowConfig("plain"), "mask": RowConfig("mask_1 & co")},
    columns={"accuracy": ACCURACY, "share": SHARE},
    compare=[ComparisonConfig("mask", "plain", "accuracy")],
)


def _run(folder: Path, correct: list[int], indices: list[int] | None = None, **more: float) -> Path:
    run = RunDirectory.create(folder, "ersm", "fake", {}, [], RunIdentity())
    frame = pd.DataFrame({"index": indices or list(range(len(correct))), "correct": correct})
    run.artifacts.table("predictions", frame)
    run.finish("finished", summary={"test/accuracy": float(np.mean(correct)), **more})
    return run.path


def _row(runs: list[Path]) -> RowRuns:
    return RowRuns(runs=dict(enumerate(runs)))


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, RowRuns]:
    plain = [_run(tmp_path, [0, 1, 0, 1] * 5), _run(tmp_path, [0, 1, 0, 0] * 5)]
    mask = [_run(tmp_path, [1, 1, 1, 1] * 5, **{"test/share": 0.5}), _run(tmp_path, [1, 1, 1, 0] * 5)]
    return {"plain": _row(plain), "mask": _row(mask)}


def test_cells_are_mean_and_sample_deviation_over_seeds(rows: dict[str, RowRuns]) -> None:
    cells = summarise(TABLE, rows).cells
    assert cells["plain"]["accuracy"].mean == pytest.approx(37.5)
    assert cells["plain"]["accuracy"].std == pytest.approx(np.std([50, 25], ddof=1))
    assert cells["mask"]["accuracy"].best
    assert not cells["plain"]["accuracy"].best
    # a metric that one seed lacks is averaged over the seeds that have it, and n says so
    assert cells["mask"]["share"].n == 1
    assert cells["mask"]["share"].std is None
    assert cells["plain"]["share"].mean is None


def test_differences_are_paired_by_seed_and_image(rows: dict[str, RowRuns]) -> None:
    interval = summarise(TABLE, rows).comparisons[0].interval
    assert interval.estimate == pytest.approx(50)  # points, as the column is in percent
    assert (interval.n_images, interval.n_seeds) == (20, 2)


def test_runs_on_other_images_are_not_compared(tmp_path: Path, rows: dict[str, RowRuns]) -> None:
    rows["mask"].runs[0] = _run(tmp_path, [1] * 20, list(range(100, 120)))
    with pytest.raises(UserError, match="different images"):
        summarise(TABLE, rows)


def test_what_is_missing_is_said_in_every_format(rows: dict[str, RowRuns], tmp_path: Path) -> None:
    del rows["mask"].runs[1]
    rows["mask"].failed[1] = "out of memory (log: x.log)"
    summary = summarise(TABLE, rows)
    assert "mask seed 1: out of memory" in markdown(summary)
    assert "\\textbf{Incomplete:} mask seed 1: out of memory" in latex(summary)
    paths = write_table(tmp_path / "table", summary)
    assert json.loads(paths["json"].read_text())["missing"] == summary.missing
    assert {path.name for path in (tmp_path / "table").iterdir()} == {
        f"table.{e}" for e in ("md", "tex", "csv", "json")
    }
    assert pd.read_csv(paths["csv"])["n"].sum() == 2 + 1 + 0 + 1


def test_a_row_that_failed_is_missing_and_one_that_has_no_such_number_is_not(
    rows: dict[str, RowRuns],
) -> None:
    rows["plain"].runs.clear()
    rows["plain"].failed = {0: "no data", 1: "no data"}
    summary = summarise(replace(TABLE, compare=[]), rows)
    assert summary.missing == ["mask seed 1: reports no 'test/share'", "plain seeds 0, 1: no data"][::-1]
    lines = markdown(summary).splitlines()
    assert "| plain | missing | missing |  | 0 of 2 |" in lines
    assert "| mask_1 & co | **87.5 ± 17.7** | 0.50 (n = 1) |  | 2 |" in lines


def test_a_row_whose_runs_report_nothing_is_incomplete(rows: dict[str, RowRuns]) -> None:
    """Breaks when a wrong word for {word} leaves a row of dashes that passes for complete."""
    named = {
        "plain": RowConfig("plain", words={"part": "a"}),
        "mask": RowConfig("mask", words={"part": "accuracy"}),
    }
    columns = {"accuracy": replace(ACCURACY, metric="test/{part}")}
    table = replace(TABLE, rows=named, columns=columns, compare=[])
    assert summarise(table, rows).missing == ["plain: its runs report none of the columns"]


def test_a_number_that_is_none_is_not_averaged(rows: dict[str, RowRuns]) -> None:
    RunDirectory.open(rows["plain"].runs[0]).finish("finished", summary={"test/accuracy": float("nan")})
    summary = summarise(TABLE, rows)
    assert summary.cells["plain"]["accuracy"].n == 1
    assert "plain seed 0: reports no 'test/accuracy'" in summary.missing


def test_rows_that_failed_alike_are_one_line(rows: dict[str, RowRuns]) -> None:
    """Breaks when a missing data set fills the page, once per row and once more per difference."""
    for row in rows.values():
        row.runs.clear()
        row.failed = {0: "no data", 1: "no data"}
    summary = summarise(TABLE, rows)
    assert summary.missing[0] == "plain, mask seeds 0, 1: no data"
    assert not any("difference" in line for line in summary.missing)
    assert "**Incomplete:**\n\n- plain, mask seeds 0, 1: no data\n" in markdown(summary)


def test_a_number_that_every_seed_shares_has_no_deviation(rows: dict[str, RowRuns]) -> None:
    summary = summarise(TABLE, rows)
    cells = summary.cells["plain"]
    cells["accuracy"] = replace(cells["accuracy"], mean=5.0, std=0.0)
    assert "| 5.0 |" in markdown(summary)
    assert "Where no ± follows a number, every seed gave the same." in markdown(summary)


def test_a_metric_that_nobody_reports_is_missing(rows: dict[str, RowRuns]) -> None:
    table = replace(TABLE, columns={"accuracy": ACCURACY, "share": replace(SHARE, metric="test/shares")})
    assert summarise(table, rows).missing == ["column share: no run reports 'test/shares'"]


def test_trials_that_failed_are_missing_for_every_row_is_owed_as_many(
    rows: dict[str, RowRuns],
) -> None:
    rows["mask"].trials = [
        Trial(["a=1"], None, "out of memory"),
        Trial(["a=2"], 0.5, "somewhere"),
    ]
    missing = summarise(TABLE, rows).missing
    assert "mask: 1 of 2 trials failed, the first with: out of memory" in missing


REPORTED = replace(
    TABLE,
    rows={
        "plain": RowConfig("plain", reported={"accuracy": ReportedConfig(40.25)}),
        "mask": RowConfig(
            "mask_1 & co",
            reported={"accuracy": ReportedConfig(90, "other data"), "share": ReportedConfig(0.3, "50 % cut")},
        ),
        "theirs": RowConfig("theirs", built=False, reported={"accuracy": ReportedConfig(99.0, "other data")}),
    },
)


def test_reported_figures_stand_beside_ours_in_every_format(rows: dict[str, RowRuns], tmp_path: Path) -> None:
    summary = summarise(REPORTED, rows)
    paths = write_table(tmp_path, summary)
    text = paths["md"].read_text()
    assert "|  | accuracy, % | reported | share | reported | n |" in text
    assert "| plain | 37.5 ± 17.7 | 40.25 | – |  | 2 |" in text
    assert "| 90† | 0.50 (n = 1) | 0.3‡ | 2 |" in text
    assert "| theirs |  | 99† |  |  |  |" in text  # not built: neither a number of ours nor missing
    assert "† not comparable: other data" in text
    assert "‡ not comparable: 50 % cut" in text
    assert not any("theirs" in line for line in summary.missing)
    tex = paths["tex"].read_text()
    assert "90$\\dagger$" in tex
    assert "$\\ddagger$ not comparable: 50 \\% cut" in tex
    frame = pd.read_csv(paths["csv"]).set_index(["row", "column"])
    assert frame.loc[("mask", "accuracy"), "reported"] == 90
    assert frame.loc[("mask", "accuracy"), "not_comparable"] == "other data"
    assert pd.isna(frame.loc[("plain", "accuracy"), "not_comparable"])
    stored = json.loads(paths["json"].read_text())
    assert stored["reported"]["mask"]["share"] == {"value": 0.3, "mark": "‡"}
    assert stored["daggers"][0] == {"mark": "†", "why": "other data"}


def test_without_published_figures_their_column_is_empty(rows: dict[str, RowRuns]) -> None:
    lines = markdown(summarise(TABLE, rows)).splitlines()
    assert lines[2].split(" | ")[-2:] == ["reported", "n |"]
    assert [line.split(" | ")[-2].strip() for line in lines[4:6]] == ["", ""]
    assert "No published figure is known" in "\n".join(lines)


def test_rows_may_be_parts_of_one_run(tmp_path: Path) -> None:
    runs = [
        _run(tmp_path, [0, 1], **{"test/harris_recall": 0.25 * k, "test/canny_recall": 0.5}) for k in (1, 2)
    ]
    columns = {"recall": replace(SHARE, metric="test/{source}_recall", better="higher")}
    named = {name: RowConfig(name, words={"source": name}) for name in ("harris", "canny")}
    table = replace(TABLE, rows=named, columns=columns, compare=[])
    summary = summarise(table, {name: _row(runs) for name in named})
    assert [summary.cells[name]["recall"].mean for name in named] == [0.375, 0.5]
    assert summary.cells["canny"]["recall"].best
    assert summary.missing == []


def test_latex_escapes_labels_and_sets_the_best_in_bold(rows: dict[str, RowRuns]) -> None:
    text = latex(summarise(TABLE, rows))
    assert "mask\\_1 \\& co" in text
    assert "accuracy, \\%" in text
    assert "\\textbf{87.5 $\\pm$ 17.7}" in text


def test_a_margin_asks_for_non_inferiority(rows: dict[str, RowRuns]) -> None:
    table = replace(TABLE, compare=[ComparisonConfig("plain", "mask", "accuracy", 0.5)])
    assert "not shown non-inferior at 0.5" in markdown(summarise(table, rows))
    table = replace(TABLE, compare=[ComparisonConfig("mask", "plain", "accuracy", 0.5)])
    assert "| non-inferior at 0.5" in markdown(summarise(table, rows))
