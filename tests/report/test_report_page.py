"""What the page holds, before a browser sees it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import CurveFamily
from ersm_lab.report.classes import read_classes
from ersm_lab.report.curves import families, read_family, read_history, thin
from ersm_lab.report.page import write_page
from ersm_lab.report.pictures import embed, figures
from ersm_lab.report.selection import select
from ersm_lab.report.views import RunView
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.record import RunIdentity
from tests.report.conftest import evaluate, make_run, picture


def parts(page: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The two JSON blocks of a page."""
    blocks = re.findall(
        r'<script type="application/json" id="[a-z-]+">(.*?)</script>', page.read_text(), re.S
    )
    assert len(blocks) == 2
    return json.loads(blocks[0]), json.loads(blocks[1])


def write(
    outputs: Path, page: Path, *words: str, **keywords: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    write_page(page, select(words, outputs), outputs, **keywords)
    return parts(page)


def the_run(outputs: Path, variant: str) -> RunView:
    """Of this variant, with seed 0."""
    return next(
        view
        for view in select([], outputs)
        if (view.config["model.variant"], view.record.seed) == (variant, 0)
    )


def test_a_page_holds_runs_curves_classes_pictures_tables_claims_and_comparisons(
    outputs: Path, tmp_path: Path
) -> None:
    data, pictures = write(outputs, tmp_path / "p.html")
    assert len(data["runs"]) == 7
    assert {family["table"] for family in data["families"]} == {"deletion_curves", "occlusion"}
    assert [table["comparisons"][0]["verdict"] for table in data["tables"]] == ["higher"]
    assert data["tables"][0]["missing"] == ["b seed 3: out of memory"]
    assert data["tables"][0]["daggers"] == ["† not comparable: other <data>"]
    assert [row["reported"][0] and row["reported"][0]["value"] for row in data["tables"][0]["rows"]] == [
        61.25,
        None,
        None,
        70,
    ]
    assert [claim["verdict"] for claim in data["claims"]] == ["no runs", "holds on digits"]
    assert [claim["low"] for claim in data["claims"]] == [None, -40]
    assert [part["estimate"] for part in data["claims"][1]["parts"]] == [-30]
    assert len(data["claims"][1]["runs"]) == 2
    assert [table["title"] for table in data["comparisons"][0]["tables"]] == ["Means"]
    assert len(pictures) == 8
    assert all(item["data"].startswith("data:image/webp;base64,") for item in pictures)
    assert data["meta"]["notes"] == []


def test_only_keys_that_differ_stand_with_runs_and_what_people_set_comes_first(
    outputs: Path, tmp_path: Path
) -> None:
    data, _ = write(outputs, tmp_path / "p.html")
    assert data["keys"] == ["model.variant", "optimizer.lr"]
    assert data["constant"]["model.mask.temperature"] == 1.0
    shown = {data["values"][0][run["config"][0]] for run in data["runs"]}
    assert shown == {"baseline", "published", "recommended"}


def test_the_first_selection_is_one_evaluated_run_of_each_variant(outputs: Path, tmp_path: Path) -> None:
    data, _ = write(outputs, tmp_path / "p.html")
    chosen = [data["runs"][place] for place in data["selected"]]
    assert len(chosen) == 3
    assert {run["seed"] for run in chosen} == {1}  # the newest of each
    assert all(run["status"] == "finished" for run in chosen)


def test_every_experiment_opens_with_runs_whose_pictures_are_held_first(
    outputs: Path, tmp_path: Path
) -> None:
    """However many other runs there are: the budget is not theirs."""
    mine = tmp_path / "outputs"
    shutil.copytree(outputs, mine)
    for variant in ("a", "b"):
        make_run(mine, variant, 0, experiment="other")
    for seed in range(20, 40):
        make_run(mine, "baseline", seed, 0.3)
    page = tmp_path / "p.html"
    data, pictures = write(mine, page, picture_bytes=10**7)
    assert list(data["selections"]) == ["ersm/digits", "ersm/other"]
    assert [len(places) for places in data["selections"].values()] == [3, 2]
    size = max(len(item["data"]) for item in pictures)
    data, pictures = write(mine, page, picture_bytes=8 * size)
    held = {item["run"] for item in pictures if item["data"]}
    assert {place for places in data["selections"].values() for place in places} <= held
    assert len(held) < 20


def test_links_lead_from_the_page_to_the_folders_wherever_the_page_is(outputs: Path, tmp_path: Path) -> None:
    for page in (tmp_path / "p.html", tmp_path / "deep" / "er" / "p.html", outputs / "report.html"):
        data, pictures = write(outputs, page)
        for href in [run["href"] for run in data["runs"]] + [item["href"] for item in pictures]:
            assert (page.parent / href).exists()
            assert not href.startswith(("/", "file:"))
    (outputs / "report.html").unlink()


HOSTILE = "</script><img src=x onerror=alert(1)>{{DATA}}\u2028'\"&<!--"


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    outputs = tmp_path / "out <b> #?%20:x"
    run = make_run(outputs, variant=HOSTILE, experiment="a:<i>&b")
    run.update(overrides=[HOSTILE], error=HOSTILE, summary={HOSTILE: 1.0, "nan": None})
    evaluate(run)
    page = tmp_path / "p.html"
    data, _ = write(outputs, page)
    text = page.read_text()
    assert text.count("</script>") == 3  # two blocks of data and the page's own script
    assert "<img src=x" not in text
    assert "<i>" not in text
    assert data["runs"][0]["overrides"] == [HOSTILE]
    assert data["constant"]["model.variant"] == HOSTILE
    assert re.match(r"^[\w./%-]+$", data["runs"][0]["href"])


def test_damaged_parts_are_named_and_the_rest_is_shown(outputs: Path, tmp_path: Path) -> None:
    mine = tmp_path / "outputs"
    shutil.copytree(outputs, mine)
    runs = select([], mine)
    (runs[0].path / "config.yaml").write_text("a: [")
    (runs[1].path / "artifacts" / "index.json").write_text("{")
    (runs[2].path / "metrics.csv").write_bytes(b"step,epoch,a\n\xff\xfe,\x00")
    (runs[3].path / "run.json").write_text("")
    next(runs[4].path.glob("evaluations/*/evaluation.json")).write_text("no")
    (runs[5].path / "artifacts" / "panels.png").write_bytes(b"no picture")
    (mine / "tables" / "two" / "table.json").write_text('{"title": 1}')
    (mine / "claims" / "claims.json").write_text("{")
    data, pictures = write(mine, tmp_path / "p.html")
    assert [run["status"] for run in data["runs"]].count("unreadable") == 1
    assert len(data["runs"]) == 7
    said = "\n".join(data["meta"]["notes"])
    for word in ("run.json", "config.yaml", "index.json", "evaluation.json", "table.json", "claims.json"):
        assert word in said
    assert [item["data"] for item in pictures if runs[5].name in item["href"]] == [None]


def test_a_record_with_odd_fields_is_shown_without_them(tmp_path: Path) -> None:
    run = make_run(tmp_path / "outputs")
    odd = {"overrides": 3, "git": [1], "versions": "x", "summary": [2]}
    (run.path / "run.json").write_text(json.dumps({**run.record.to_json(), **odd}))
    data, _ = write(tmp_path / "outputs", tmp_path / "p.html")
    assert data["runs"][0]["overrides"] == []
    assert sorted(note.split("'")[1] for note in data["meta"]["notes"]) == sorted(odd)


def test_numbers_that_json_does_not_know_are_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "outputs")
    record = run.record.to_json()
    (run.path / "run.json").write_text(
        json.dumps(
            {**record, "seed": float("nan"), "summary": {"a": float("inf"), "b": 2.0, "c": float("nan")}}
        )
    )
    (run.path / "config.yaml").write_text("a: .inf\nb: .nan\n")
    data, _ = write(tmp_path / "outputs", tmp_path / "p.html")
    assert data["runs"][0]["seed"] is None
    assert dict(zip(data["metrics"], data["runs"][0]["summary"], strict=True)) == {
        "a": "inf",
        "b": 2.0,
        "c": "nan",
    }
    assert data["constant"] == {"a": "inf", "b": "nan"}


def test_a_page_that_cannot_be_written_is_one_line(outputs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"out=.*cannot be written"):
        write(outputs, tmp_path / "file" / "p.html")


def test_thinning_keeps_ends_and_extremes() -> None:
    ys = [0.0] * 10_000
    ys[1234], ys[7777] = 9.0, -9.0
    xs, kept = thin(list(range(10_000)), ys, 40)
    assert len(xs) <= 40
    assert (xs[0], xs[-1]) == (0, 9_999)
    assert {(1234, 9.0), (7777, -9.0)} <= set(zip(xs, kept, strict=True))
    assert thin([1, 2], [3, 4], 40) == ([1, 2], [3, 4])


def test_a_history_is_read_as_it_was_written(outputs: Path) -> None:
    view = the_run(outputs, "recommended")
    history = read_history(view, 100)
    steps, epochs, values = history["val/accuracy"]
    assert steps == [9, 19, 29, 39]
    assert epochs == [0, 1, 2, 3]
    assert values == pytest.approx([0.6 + step / 400 for step in steps], abs=1e-4)
    assert len(history["train/loss"][0]) == 40


def test_a_table_hidden_by_a_figure_of_its_name_is_still_drawn(outputs: Path) -> None:
    view = the_run(outputs, "recommended")
    occlusion = next(family for family in families() if family.table == "occlusion")
    found = list(read_family(view, occlusion, 100))
    assert {facets["shape"] for _, facets, _, _ in found} == {"square", "grid"}
    shown = [picture for source, entries in view.sources.items() for picture in figures(entries, 0, source)]
    assert [item.artifact.name for item in shown] == ["panels"]  # the figure of the same numbers is not


@pytest.mark.parametrize("family", families(), ids=lambda family: family.table)
def test_every_kind_of_curve_is_read_from_its_columns(family: CurveFamily, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    facets = family.panels + family.picks
    rows = [
        {
            family.x: x,
            **dict.fromkeys(facets, value),
            **{y: x / 10 + place for place, y in enumerate(family.ys)},
        }
        for value in ("first", "second")[: 2 if facets else 1]
        for x in (1.0, 2.0, 4.0)
    ]
    run.artifacts.table(family.table, pd.DataFrame(rows))
    found = list(read_family(select([], tmp_path)[0], family, 100))
    assert len(found) == len(family.ys) * (2 if facets else 1)
    for source, values, y, (xs, ys) in found:
        assert source == "training"
        assert set(values) == set(facets)
        assert xs == [1, 2, 4]
        assert ys == [pytest.approx(x / 10 + list(family.ys).index(y)) for x in xs]


def test_scores_per_class_come_from_tables_and_from_predictions(outputs: Path) -> None:
    view = the_run(outputs, "published")
    found = {(table, measure): scores for _, table, measure, scores in read_classes(view)}
    assert found["predictions", "accuracy"] == {"0": 0.25, "1": 0.5, "2": 1.0}
    assert set(found) == {("predictions", "accuracy")} | {
        (t, m) for t in ("per_class", "classes") for m in ("iou", "pixels")
    }
    assert found["per_class", "iou"] == {"road": 0.9, "pole": pytest.approx(0.45)}
    (view.path / "artifacts" / "predictions.parquet").rename(view.path / "kept")
    try:
        assert {
            s
            for _, t, _, s in ((a, b, c, tuple(d.values())) for a, b, c, d in read_classes(view))
            if t == "predictions"
        } == {(0.25, 0.5, 1.0)}
    finally:
        (view.path / "kept").rename(view.path / "artifacts" / "predictions.parquet")


def test_pictures_stop_at_the_budget_and_every_run_gets_its_turn(tmp_path: Path) -> None:
    groups = []
    for place in range(6):
        run = make_run(tmp_path, seed=place)
        view = select([str(run.path)], tmp_path)[0]
        groups.append(list(figures(view.sources["training"], place, "training")))
    everything = [item for group in groups for item in group]
    used = embed(everything, 10**9)
    sizes = [len(item.data or "") for item in everything]
    assert used == sum(sizes)
    for item in everything:
        item.data = None
    limit = sum(sizes[:3]) + 10
    assert embed(everything, limit) <= limit
    assert [item.data is not None for item in everything[:3]] == [True] * 3
    assert sum(item.data is not None for item in everything) < 6


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    picture(run.path / "artifacts" / "panels.png", size=(3000, 900))
    view = select([], tmp_path)[0]
    items = list(figures(view.sources["training"], 0, "training"))
    embed(items, 10**8)
    assert items[0].size == (1000, 300)


def test_the_verb_writes_the_page_without_torch(outputs: Path, tmp_path: Path) -> None:
    run = the_run(outputs, "recommended").path
    code = (
        "import sys; from ersm_lab.cli import main; "
        f"done = main(['report', '{run}', 'paths.outputs={outputs}', 'out={tmp_path}/p.html', 'pictures=0']); "
        "assert 'torch' not in sys.modules, 'torch was imported'; sys.exit(done)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path.cwd(), env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^1 run, 0 of \d pictures, [\d.]+ MB: .*p\.html$", done.stdout, re.M)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["out="], "is a folder"),
        (["pictures=many"], "how many megabytes"),
        (["pictures=-1"], "between"),
    ],
)
def test_wrong_settings_are_one_line(words: list[str], message: str, outputs: Path) -> None:
    from ersm_lab.report.command import command

    with pytest.raises(UserError, match=message):
        command(words, str(outputs))


def test_a_run_without_anything_but_its_record_is_listed(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "outputs", "ersm", "bare", {}, [], RunIdentity())
    pd.DataFrame({"a": [1]}).to_csv(run.metrics_path, index=False)
    data, pictures = write(tmp_path / "outputs", tmp_path / "p.html")
    assert data["runs"][0]["experiment"] == "ersm/bare"
    assert pictures == []
