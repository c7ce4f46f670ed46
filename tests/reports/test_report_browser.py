"""The page in a real browser: headless Chromium, driven by playwright. Skipped, with a reason, where there is none."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from ersm_lab.reports.page import write_page
from ersm_lab.reports.query import select
from tests.reports.conftest import make_run
from tests.reports.test_report_page import HOSTILE

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: pip install 'ersm-lab[dev]'"
)
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
if CHROMIUM is None:
    pytest.skip("no chromium on the PATH: apt-get install chromium", allow_module_level=True)

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def page_file(outputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(path, select([], outputs), outputs)
    return path


class Opened:
    """A page that notes what went wrong in it and whom it called."""

    def __init__(self, browser: Any, path: Path, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console",
            lambda message: (
                self.errors.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready=yes]")

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.page.locator(selector).all_inner_texts()
        return found

    def column(self, name: str) -> list[str]:
        heads = [text.strip("▲▼ \n") for text in self.texts("#run-table thead th")]
        return [
            text.strip() for text in self.texts(f"#run-table tbody tr > :nth-child({heads.index(name) + 1})")
        ]

    def filter(self, text: str) -> None:
        self.page.fill("#filters input[type=search]", text)
        self.page.wait_for_timeout(300)


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Opened]:
    found = Opened(browser, page_file, viewport={"width": 1400, "height": 900})
    yield found
    assert found.errors == []  # whatever a test did
    found.context.close()


def test_it_opens_without_an_error_or_a_request_and_shows_every_section(
    opened: Opened, page_file: Path
) -> None:
    sections = opened.texts("main section:not([hidden]) > h2")
    assert sections == ["Runs", "Learning curves", "Deletion", "Structured occlusion", "Scores per class", "Pictures", "Tables",
                        "Claims", "Comparisons"]  # fmt: skip
    for selector in (".comparison > summary", "#differences > summary", ".thumb"):
        opened.page.locator(selector).first.click()
    calls = [url for url in opened.requests if not url.startswith("data:")]
    assert calls == [page_file.as_uri()]


def test_a_table_shows_reported_figures_beside_ours_and_says_what_is_missing(opened: Opened) -> None:
    table = "#tables article:first-of-type table.plain >> nth=0"
    heads = opened.texts(f"{table} >> thead th")
    assert heads == ["accuracy, %", "reported", "n"]
    assert opened.texts(f"{table} >> tbody td") == [
        "60.0 ± 1.5", "61.25†", "2", "50.0 ± 1.5", "", "1 of 2", "missing", "", "0 of 2", "", "70", "",
    ]  # fmt: skip
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
def test_the_filter_takes_what_the_command_line_takes(
    opened: Opened, outputs: Path, query: str, count: int
) -> None:
    opened.filter(query)
    assert (
        len(opened.texts("#run-table tbody tr"))
        == count
        == len(select(re.sub(r" ([=>]) ", r"\1", query).split(), outputs))
    )
    assert f"{count} of 7 runs" in opened.page.inner_text("#filter-message")


def test_a_filter_that_means_nothing_says_so_and_leaves_the_table(opened: Opened) -> None:
    opened.filter("varient=1")
    assert opened.page.inner_text("#filter-message") == "no run has a “varient”"
    assert len(opened.texts("#run-table tbody tr")) == 7


def test_menus_filter_too(opened: Opened) -> None:
    opened.page.select_option("#filters select >> nth=0", "failed")
    assert len(opened.texts("#run-table tbody tr")) == 1


def test_what_differs_from_most_runs_is_marked_and_named(opened: Opened) -> None:
    assert [" ".join(text.split()) for text in opened.texts("td.differs")] == [
        "10 (differs)"
    ]  # the learning rate of one run; no variant is most runs'
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
    text = (files("ersm_lab.reports") / "assets" / "series.js").read_text(encoding="utf-8")
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
    assert [text.split("\t")[0].strip() for text in deletion.locator("tbody tr").all_inner_texts()] == [
        "baseline (n = 2)", "published (n = 2)", "recommended (n = 2)",
    ]  # fmt: skip # the failed run was not evaluated, and is not counted


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


def test_everything_is_reached_and_worked_by_keyboard(opened: Opened) -> None:
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    seen: dict[str, int] = {}
    for step in range(400):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(() => { const a = document.activeElement; const s = getComputedStyle(a);"
            "return (a === document.body ? 'end' : a.closest('section,.shown')?.id || 'top') + '|' + s.outlineStyle; })()"
        )
        place, outline = name.split("|")
        if place in ("end", "top") and "comparisons" in seen:
            break
        assert outline != "none", f"no focus ring in {place}"
        seen.setdefault(place, step)
    assert list(seen) == ["runs", "shown", "learning", "family-deletion_curves", "family-occlusion", "classes", "pictures",
                          "tables", "claims", "comparisons"]  # fmt: skip
    page.focus("#run-table thead button:has-text('seed')")
    page.keyboard.press("Enter")
    assert page.get_attribute("#run-table th:has-text('seed')", "aria-sort") == "descending"
    assert page.evaluate("document.activeElement.textContent").startswith("seed")  # the focus stays
    page.focus("#learning .plot >> nth=0")
    page.keyboard.press("End")
    assert "step 39" in page.inner_text("#learning .tip >> nth=0")
    page.keyboard.press("ArrowLeft")
    assert "step 29" in page.inner_text("#learning .tip >> nth=0")
    page.focus("#run-table input[type=checkbox] >> nth=0")
    page.keyboard.press("Space")
    assert opened.page.locator("#learning .chart >> nth=0 >> polyline").count() == 4


def violations(page: Any) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA."""
    spec = importlib.util.find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        pytest.skip("axe-playwright-python is not installed: pip install 'ersm-lab[dev]'")
    page.evaluate((Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(f"axe.run({{runOnly: {{type: 'tag', values: {json.dumps(WCAG)}}}}})")
    assert len(found["passes"]) > 20
    return [f"{item['id']}: {item['nodes'][0]['html'][:200]}" for item in found["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 360])
def test_axe_finds_nothing_against_wcag_2_2_aa(
    browser: Any, page_file: Path, scheme: str, width: int
) -> None:
    found = Opened(browser, page_file, viewport={"width": width, "height": 800}, color_scheme=scheme)
    for selector in ("#differences > summary", ".comparison > summary", "#filters .chooser summary"):
        found.page.locator(selector).first.click()
    assert violations(found.page) == []
    found.page.keyboard.press("Escape")
    found.page.locator("#run-table tbody button.link").first.click()
    found.page.locator("#detail details summary").click()
    assert violations(found.page) == []
    assert found.errors == []
    found.context.close()


def test_the_theme_is_switched_and_kept(opened: Opened) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = opened.page.evaluate(ground)
    for _ in range(2):
        opened.page.click("#theme")
    dark = opened.page.evaluate(ground)
    assert dark != light
    opened.page.reload()
    opened.page.wait_for_selector("html[data-ready=yes]")
    assert opened.page.evaluate(ground) == dark


def test_a_phone_scrolls_tables_not_the_page(browser: Any, page_file: Path) -> None:
    found = Opened(browser, page_file, viewport={"width": 320, "height": 640}, has_touch=True)
    for selector in ("#differences > summary", ".comparison > summary"):
        found.page.locator(selector).first.click()
    assert found.page.evaluate("document.documentElement.scrollWidth") <= 320
    assert found.page.locator(".chart").first.bounding_box()["width"] <= 320
    found.page.locator("#run-table tbody button.link").first.click()
    box = found.page.locator("#detail").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    assert found.errors == []
    found.context.close()


def test_print_is_light_without_controls_and_not_cut_off(
    browser: Any, page_file: Path, tmp_path: Path
) -> None:
    found = Opened(browser, page_file, viewport={"width": 1000, "height": 800}, color_scheme="dark")
    found.page.emulate_media(media="print")
    assert found.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert found.page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not found.page.is_visible("#filters")
    assert not found.page.is_visible("nav")
    assert found.page.is_visible("#learning .chart >> nth=0")
    assert found.page.is_visible(".chip >> nth=0")  # what the colours mean
    cut = found.page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter((e) => getComputedStyle(e).overflowX !== 'visible').length"
    )
    assert cut == 0
    assert found.page.evaluate("document.documentElement.scrollWidth") <= 1000
    found.page.pdf(path=str(tmp_path / "page.pdf"))
    assert (tmp_path / "page.pdf").stat().st_size > 20_000
    found.context.close()


def test_hostile_names_run_nothing(browser: Any, tmp_path: Path) -> None:
    outputs = tmp_path / "out <b>"
    for seed in range(2):
        run = make_run(outputs, variant=HOSTILE, seed=seed, experiment="a<i>&b", status="failed")
        run.update(error=HOSTILE, overrides=[HOSTILE])
        with (run.path / "config.yaml").open("a") as config:
            config.write(f"constructor: {seed}\n")
    os.rename(run.path, os.fsencode(run.path.parent) + b"/2026_\xff <img src=x onerror=alert(1)>")
    path = tmp_path / "p.html"
    write_page(path, select([], outputs), outputs, query=HOSTILE)
    found = Opened(browser, path)
    dialogs: list[str] = []
    found.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for selector in ("#filters .chooser summary", "#differences > summary", "#run-table tbody button.link"):
        found.page.keyboard.press("Escape")
        found.page.locator(selector).first.click()
    assert HOSTILE.replace("\u2028", "") in found.page.inner_text("#detail").replace("\u2028", "")
    assert found.page.locator("img[src=x]").count() == 0
    found.page.keyboard.press("Escape")
    for query, count in (("onerror", 2), ("constructor=1", 1)):
        found.filter(query)
        assert len(found.texts("#run-table tbody tr")) == count
    found.page.wait_for_timeout(200)
    assert dialogs == []
    assert found.errors == []
    found.context.close()


def test_a_link_with_a_filter_opens_filtered(browser: Any, page_file: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(page_file.as_uri() + "#q=variant%3Drecommended")
    page.wait_for_selector("html[data-ready=yes]")
    assert page.input_value("#filters input[type=search]") == "variant=recommended"
    assert page.locator("#run-table tbody tr").count() == 2
    context.close()


@pytest.mark.slow
def test_a_thousand_runs_stay_small_and_quick(browser: Any, outputs: Path, tmp_path: Path) -> None:
    """Copies of evaluated runs, with long histories and pictures that hardly compress, as the worst that comes."""
    import numpy as np
    from PIL import Image

    many = tmp_path / "outputs"
    sources = [view.path for view in select(["status=finished"], outputs)]
    noise = np.random.default_rng(0)
    heads = "epoch,step," + ",".join(f"train/m{i}" for i in range(8))
    kinds = []  # a few dozen of each, so that making them takes no longer than what is tested
    for kind in range(30):
        rows = [f"{i // 50},{i}," + ",".join(f"{v:.12f}" for v in noise.random(8)) for i in range(400)]
        pixels = noise.integers(0, 255, (150, 200, 3), dtype=np.uint8)
        image = tmp_path / f"{kind}.png"
        Image.fromarray(pixels).resize((800, 600)).save(image, compress_level=1)
        kinds.append((f"{heads}\n" + "\n".join(rows) + "\n", image))
    for place in range(1000):
        source = sources[place % len(sources)]
        copy = many / "ersm" / "digits" / f"20260101_{place:06d}-{place:06x}"
        shutil.copytree(source, copy)
        record = json.loads((copy / "run.json").read_text())
        summary = {f"test/metric_{i}": float(v) for i, v in enumerate(noise.random(40))}
        record.update(
            seed=place, summary={**record["summary"], **summary}, overrides=[f"optimizer.lr={place}e-5"]
        )
        (copy / "run.json").write_text(json.dumps(record))
        text = (copy / "config.yaml").read_text()
        (copy / "config.yaml").write_text(text.replace("lr: 0.01", f"lr: {place}.0e-05"))
        history, image = kinds[place % len(kinds)]
        (copy / "metrics.csv").write_text(history)
        shutil.copyfile(image, copy / "artifacts" / "panels.png")
    path = tmp_path / "report.html"
    written = write_page(path, select([], many), many)
    assert written.runs == 1000
    assert written.size < 30e6
    assert written.size == path.stat().st_size
    assert 0 < written.pictures < written.of_pictures
    found = Opened(browser, path, viewport={"width": 1400, "height": 900})
    assert found.page.locator("#run-table tbody tr").count() == 25
    for words, count in (("lr=0.00005", 1), ("metric_3>0.5", None)):
        took = found.page.evaluate(
            "(text) => new Promise((done) => { const start = performance.now(); const box = document.querySelector('#filters input');"
            "box.value = text; box.dispatchEvent(new Event('input'));"
            "new MutationObserver(() => done(performance.now() - start)).observe(document.querySelector('#run-table tbody'), {childList: true}); })",
            words,
        )
        assert took < 3000
        if count:
            assert found.page.locator("#run-table tbody tr").count() == count
    found.filter("")
    found.page.click("#run-table thead button:has-text('accuracy')")
    found.page.click("button[aria-label='Last page']")
    assert "976–1000 of 1000" in found.page.inner_text(".pager")
    start = time.perf_counter()
    found.page.select_option("#shown select >> nth=0", "listed")
    assert time.perf_counter() - start < 3
    assert "The first 40 of 1000 lines" in found.page.inner_text("#shown")
    found.page.select_option("#shown select >> nth=1", "model.variant")
    assert len(found.texts(".chip")) == 3
    assert found.errors == []
    found.context.close()
