"""What people do with the page: sort, filter, choose, compare, enlarge. In a real browser; see ``browser``."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from ersm_lab.report.page import write_page
from ersm_lab.report.selection import select
from tests.report.browser import Opened
from tests.report.conftest import make_run


def test_it_opens_without_an_error_or_a_request_and_shows_every_section(
    opened: Opened, page_file: Path
) -> None:
    sections = opened.texts("main section:not([hidden]) > h2")
    assert sections == [
        "Runs",
        "Learning curves",
        "Deletion",
        "Structured occlusion",
        "Scores per class",
        "Pictures",
        "Tables",
        "Claims",
        "Comparisons",
    ]
    for selector in (".comparison > summary", "#differences > summary", ".thumb"):
        opened.page.locator(selector).first.click()
    calls = [url for url in opened.requests if not url.startswith("data:")]
    assert calls == [page_file.as_uri()]


def test_a_table_shows_reported_figures_beside_ours_and_says_what_is_missing(opened: Opened) -> None:
    table = "#tables article:first-of-type table.plain >> nth=0"
    heads = opened.texts(f"{table} >> thead th")
    assert heads == ["accuracy, %", "reported", "n"]
    assert opened.texts(f"{table} >> tbody td") == [
        "60.0 ± 1.5",
        "61.25†",
        "2",
        "50.0 ± 1.5",
        "",
        "1 of 2",
        "missing",
        "",
        "0 of 2",
        "",
        "70",
        "",
    ]
    said = opened.texts("#tables article:first-of-type p")
    assert "† not comparable: other <data>" in said
    assert "Incomplete: b seed 3: out of memory" in said


def test_the_policy_stops_whatever_would_call_out(browser: Any, page_file: Path) -> None:
    found = Opened(browser, page_file)
    found.page.route("**/*", lambda route: route.abort())
    reached = found.page.evaluate("fetch('http://127.0.0.1:9/x').then(() => 'reached', (error) => 'refused')")
    found.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')"
    )
    found.page.wait_for_timeout(200)
    assert reached == "refused"
    assert found.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in found.errors)
    found.context.close()


def test_headings_sort_both_ways_and_blanks_stay_last(opened: Opened) -> None:
    ticked = opened.page.eval_on_selector_all(
        "#run-table tbody input", "(boxes) => boxes.map((box) => box.checked)"
    )
    assert ticked == [True] * 3 + [False] * 4  # what the charts show is on the first page
    opened.page.click("#run-table thead button:has-text('accuracy')")
    falling = [float(text) for text in opened.column("accuracy")]
    assert falling == sorted(falling, reverse=True)
    opened.page.click("#run-table thead button:has-text('accuracy')")
    assert [float(text) for text in opened.column("accuracy")] == falling[::-1]
    assert opened.page.get_attribute("#run-table th:has-text('accuracy')", "aria-sort") == "ascending"
    opened.page.click("#run-table thead button:has-text('lerf_auc')")
    shown = opened.texts("#run-table tbody tr")
    assert "failed" in shown[-1]  # it has no such metric
    opened.page.click("#run-table thead button:has-text('lerf_auc')")
    assert "failed" in opened.texts("#run-table tbody tr")[-1]


def test_columns_are_chosen(opened: Opened) -> None:
    heads = "#run-table thead"
    assert "lerf_auc" in opened.page.inner_text(heads)
    opened.page.click("#filters .chooser summary")
    opened.page.click("label.tick:has-text('lerf_auc')")
    opened.page.click("label.tick:has-text('images')")
    assert "lerf_auc" not in opened.page.inner_text(heads)
    assert opened.column("images") == ["12"] * 7
    opened.page.click("text=Those that tell the listed runs apart")
    assert "images" not in opened.page.inner_text(heads)
    opened.page.keyboard.press("Escape")
    assert not opened.page.is_visible("label.tick:has-text('images')")
    opened.page.click("#filters .chooser summary")
    opened.page.click("#runs h2")
    assert not opened.page.is_visible("label.tick:has-text('images')")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("variant=recommended", 2),
        ("accuracy>0.55 status=finished", 4),
        ("failed", 1),
        ("lr>=10", 1),
        ("experiment=ersm/digits failed", 1),
        ("variant!=base*", 5),
        ("accuracy > 0.55  status = finished", 4),
        ("", 7),
    ],
)
def test_the_filter_takes_names_and_conditions(opened: Opened, query: str, count: int) -> None:
    opened.filter(query)
    assert len(opened.texts("#run-table tbody tr")) == count
    assert f"{count} of 7 runs" in opened.page.inner_text("#filter-message")


def test_a_filter_that_means_nothing_says_so_and_leaves_the_table(opened: Opened) -> None:
    opened.filter("varient=1")
    assert opened.page.inner_text("#filter-message") == "no run has a “varient”"
    assert len(opened.texts("#run-table tbody tr")) == 7


def test_menus_filter_too(opened: Opened) -> None:
    opened.page.select_option("#filters select >> nth=0", "failed")
    assert len(opened.texts("#run-table tbody tr")) == 1


def test_what_differs_from_most_runs_is_marked_and_named(opened: Opened) -> None:
    # the learning rate of one run; no variant is most runs'
    assert [" ".join(text.split()) for text in opened.texts("td.differs")] == ["10 (differs)"]
    opened.page.click("#differences > summary")
    opened.page.wait_for_selector("#differences tbody th")  # the browser tells of the opening later
    assert opened.texts("#differences tbody th") == ["model.variant"]


def test_claims_open_what_they_rest_on(opened: Opened) -> None:
    heads = [text.strip("▲▼ \n") for text in opened.texts("#claims thead th")]
    cells = (
        opened.page.locator("#claims tbody tr", has_text="holds on digits")
        .locator("th, td")
        .all_inner_texts()
    )
    shown = dict(zip(heads, cells, strict=True))
    assert shown["verdict"] == "holds on digits"
    assert (shown["estimate"], shown["95 % interval"]) == ("−30.00", "−40.00 to −20.00")
    opened.page.click("#claims button.link:has-text('sparsity')")
    assert opened.texts("#detail tbody th")[-1] == "share of tokens, points"
    opened.page.locator("#detail li button").first.click()
    assert "Open its folder" in opened.page.inner_text("#detail")  # the run that the number comes from


def test_an_experiment_opens_with_its_own_runs_and_sections(
    browser: Any, outputs: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "outputs"
    shutil.copytree(outputs, mine)
    for seed in range(3):
        make_run(mine, "other", seed, experiment="plain")
    write_page(tmp_path / "p.html", select([], mine), mine)
    found = Opened(browser, tmp_path / "p.html")
    ticked = "#run-table tbody tr.on"
    assert ["ersm/digits" in text for text in found.texts(ticked)] == [True] * 3  # the evaluated ones
    assert "Deletion" in found.texts("nav a")
    found.page.select_option("#filters select >> nth=0", "ersm/plain")
    assert len(found.texts(ticked)) == len(found.texts(".chip")) == 3
    assert "Deletion" not in found.texts("nav a")
    assert found.page.inner_text("#elsewhere").startswith("Not of the runs shown, but of others: Deletion")
    found.page.locator("#run-table tbody input").first.uncheck()  # from now on the hand decides
    found.page.select_option("#filters select >> nth=0", "ersm/digits")
    assert len(found.texts(".chip")) == 2
    found.context.close()


def test_curves_without_a_common_range_have_no_mean(opened: Opened) -> None:
    """The page's own function, which no data of a run directory's shape reach."""
    text = (files("ersm_lab.report") / "assets" / "series.js").read_text(encoding="utf-8")
    script = f"(curves) => {{ const state = {{}}; {text}; return meanCurve(curves); }}"
    apart = [[[0, 1], [1, 1]], [[2, 3], [3, 3]]]
    assert opened.page.evaluate(script, apart) == {"points": [], "band": []}
    overlap = [[[0, 0], [4, 4]], [[1, 3], [2, 4]]]
    assert opened.page.evaluate(script, overlap)["points"] == [[1, 2], [2, 3]]


def test_runs_are_switched_and_lines_become_means(opened: Opened) -> None:
    lines = "#learning .chart >> nth=0 >> polyline"
    assert len(opened.texts(".chip")) == opened.page.locator(lines).count() == 3
    opened.page.click("#shown .chip >> nth=0")
    assert opened.page.locator(lines).count() == 2
    assert opened.page.get_attribute("#shown .chip >> nth=0", "aria-pressed") == "false"
    opened.page.click("#shown .chip >> nth=0")
    opened.page.click("text=Clear selection")
    assert "Tick runs" in opened.page.inner_text("#shown")
    opened.page.locator("#run-table input[type=checkbox]").first.check()
    assert opened.page.locator(lines).count() == 1
    opened.page.select_option("#shown select >> nth=0", "listed")
    assert opened.page.locator(lines).count() == 7
    opened.page.select_option("#shown select >> nth=1", "model.variant")
    assert opened.texts(".chip") == ["baseline (n = 2)", "published (n = 3)", "recommended (n = 2)"]
    assert opened.page.locator("#learning .chart >> nth=0 >> polygon").count() == 3  # bands
    deletion = opened.page.locator("#family-deletion_curves .chart").first
    deletion.locator(".numbers summary").click()
    deletion.locator("tbody tr").first.wait_for()
    # the failed run was not evaluated, and is not counted
    assert [text.split("\t")[0].strip() for text in deletion.locator("tbody tr").all_inner_texts()] == [
        "baseline (n = 2)",
        "published (n = 2)",
        "recommended (n = 2)",
    ]


def test_curves_show_the_numbers_of_the_runs(opened: Opened) -> None:
    opened.page.click("text=Clear selection")
    opened.filter("variant=recommended seed=0")
    opened.page.select_option("#shown select >> nth=0", "listed")
    chart = opened.page.locator("#family-deletion_curves .chart", has_text="least first")
    chart.locator(".numbers summary").click()
    chart.locator("tbody td").first.wait_for()
    cells = chart.locator("tbody td").all_inner_texts()
    assert cells == ["80", "50", "65"]  # 0.9 - 0.1 at none deleted, 0.3 less at the end, area
    opened.page.select_option("#family-deletion_curves select >> nth=0", "*")
    assert opened.page.locator("#family-deletion_curves .chart >> nth=0 >> polyline").count() == 2
    bars = opened.texts("#classes .bars li")
    assert [" ".join(text.split())[:1] for text in bars] == ["0", "1", "2"]
    assert [text.split()[-1] for text in bars] == ["0.25", "0.5", "1"]


def test_metrics_scales_and_axes_are_switched(opened: Opened) -> None:
    assert opened.texts("#learning figcaption") == ["val/accuracy", "train/loss"]
    opened.page.click("#learning .chooser summary")
    opened.page.click("#learning .columns label:has-text('val/accuracy')")
    assert opened.texts("#learning figcaption") == ["train/loss"]
    before = opened.page.get_attribute("#learning polyline >> nth=0", "points")
    opened.page.click("#learning label:has-text('Log scale')")
    assert opened.page.get_attribute("#learning polyline >> nth=0", "points") != before
    opened.page.select_option("#learning select", "epoch")
    points = opened.page.get_attribute("#learning polyline >> nth=0", "points")
    assert len(points.split()) == 4  # four epochs, the mean of ten steps each


def test_pictures_are_side_by_side_and_enlarge(opened: Opened) -> None:
    cards = opened.page.locator("#pictures .card img")
    assert cards.count() == 3
    assert cards.first.evaluate("(image) => image.naturalWidth") == 1000
    opened.page.locator("#pictures .thumb").first.click()
    first = opened.page.get_attribute("#lightbox img", "src")
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.get_attribute("#lightbox img", "src") != first
    assert "2 of 3" in opened.page.inner_text("#lightbox")
    opened.page.keyboard.press("Escape")
    assert not opened.page.is_visible("#lightbox")
    assert opened.page.evaluate("document.activeElement.className") == "thumb"  # where one was


def test_a_run_opens_with_its_results_and_links(opened: Opened, outputs: Path, page_file: Path) -> None:
    opened.filter("status=failed")
    opened.page.click("#run-table tbody button.link")
    text = opened.page.inner_text("#detail")
    assert "ValueError: no" in text
    assert "optimizer.lr=10.0" in text
    href = opened.page.get_attribute("#detail a >> nth=0", "href")
    assert (page_file.parent / href / "run.json").resolve().is_file()
