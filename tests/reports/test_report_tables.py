"""A table from run directories: what is averaged, what is compared, and what is said when a run is missing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ersm_lab.errors import UserError
from ersm_lab.reports.tables import latex, markdown, summarise
from ersm_lab.reports.write import write_table
from ersm_lab.runs.directory import RunDirectory

TABLE = {
    "title": "Two arms",
    "experiment": "ersm/fake",
    "seeds": [0, 1],
    "note": "",
    "rows": {"plain": {"label": "plain"}, "mask": {"label": "mask_1 & co"}},
    "columns": {
        "accuracy": {
            "metric": "test/accuracy", "label": "accuracy, %", "scale": 100.0, "digits": 1, "better": "higher",
            "per_image": "correct",
        },
        "share": {
            "metric": "test/share", "label": "share", "scale": 1.0, "digits": 2, "better": "neither", "per_image": None,
        },
    },
    "compare": [{"row": "mask", "against": "plain", "column": "accuracy", "margin": None}],
}  # fmt: skip


def _run(folder: Path, correct: list[int], indices: list[int] | None = None, **more: float) -> Path:
    run = RunDirectory.create(folder, "ersm", "fake", {}, [], {})
    frame = pd.DataFrame({"index": indices or list(range(len(correct))), "correct": correct})
    run.artifacts.table("predictions", frame)
    run.finish("finished", summary={"test/accuracy": float(np.mean(correct)), **more})
    return run.path


def _row(runs: list[Path], **more: object) -> SimpleNamespace:
    return SimpleNamespace(
        **{"runs": dict(enumerate(runs)), "failed": {}, "trials": [], "chosen": [], **more}
    )


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, SimpleNamespace]:
    plain = [_run(tmp_path, [0, 1, 0, 1] * 5), _run(tmp_path, [0, 1, 0, 0] * 5)]
    mask = [_run(tmp_path, [1, 1, 1, 1] * 5, **{"test/share": 0.5}), _run(tmp_path, [1, 1, 1, 0] * 5)]
    return {"plain": _row(plain), "mask": _row(mask)}


def test_cells_are_mean_and_sample_deviation_over_seeds(rows: dict[str, SimpleNamespace]) -> None:
    cells = summarise(TABLE, rows)["cells"]
    assert cells["plain"]["accuracy"]["mean"] == pytest.approx(37.5)
    assert cells["plain"]["accuracy"]["std"] == pytest.approx(np.std([50, 25], ddof=1))
    assert cells["mask"]["accuracy"]["best"]
    assert not cells["plain"]["accuracy"]["best"]
    # a metric that one seed lacks is averaged over the seeds that have it, and n says so
    assert cells["mask"]["share"]["n"] == 1
    assert cells["mask"]["share"]["std"] is None
    assert cells["plain"]["share"]["mean"] is None


def test_differences_are_paired_by_seed_and_image(rows: dict[str, SimpleNamespace]) -> None:
    interval = summarise(TABLE, rows)["comparisons"][0]["interval"]
    assert interval.estimate == pytest.approx(50)  # points, as the column is in percent
    assert (interval.n_images, interval.n_seeds) == (20, 2)


def test_runs_on_other_images_are_not_compared(tmp_path: Path, rows: dict[str, SimpleNamespace]) -> None:
    rows["mask"].runs[0] = _run(tmp_path, [1] * 20, list(range(100, 120)))
    with pytest.raises(UserError, match="different images"):
        summarise(TABLE, rows)


def test_what_is_missing_is_said_in_every_format(rows: dict[str, SimpleNamespace], tmp_path: Path) -> None:
    del rows["mask"].runs[1]
    rows["mask"].failed[1] = "out of memory (log: x.log)"
    summary = summarise(TABLE, rows)
    assert "mask seed 1: out of memory" in markdown(summary)
    assert "incomplete" in latex(summary)
    paths = write_table(tmp_path / "table", summary)
    assert json.loads(paths["json"].read_text())["missing"] == summary["missing"]
    assert {path.name for path in (tmp_path / "table").iterdir()} == {
        f"table.{e}" for e in ("md", "tex", "csv", "json")
    }
    assert pd.read_csv(paths["csv"])["n"].sum() == 2 + 1 + 0 + 1


def test_latex_escapes_labels_and_sets_the_best_in_bold(rows: dict[str, SimpleNamespace]) -> None:
    text = latex(summarise(TABLE, rows))
    assert "mask\\_1 \\& co" in text
    assert "accuracy, \\%" in text
    assert "\\textbf{87.5 $\\pm$ 17.7}" in text


def test_a_margin_asks_for_non_inferiority(rows: dict[str, SimpleNamespace]) -> None:
    table = {**TABLE, "compare": [{"row": "plain", "against": "mask", "column": "accuracy", "margin": 0.5}]}
    assert "not shown non-inferior at 0.5" in markdown(summarise(table, rows))
    table["compare"] = [{"row": "mask", "against": "plain", "column": "accuracy", "margin": 0.5}]
    assert "| non-inferior at 0.5" in markdown(summarise(table, rows))
