"""The page for everybody: keyboard, axe-core, phone, print, hostile names, thousands of runs. In a real browser; see ``browser``."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from ersm_lab.report.page import write_page
from ersm_lab.report.selection import select
from tests.report.browser import Opened
from tests.report.conftest import make_run
from tests.report.test_report_page import HOSTILE

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


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
    assert list(seen) == [
        "runs",
        "shown",
        "learning",
        "family-deletion_curves",
        "family-occlusion",
        "classes",
        "pictures",
        "tables",
        "claims",
        "comparisons",
    ]
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
    write_page(path, select([], outputs), outputs)
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
    sources = [view.path for view in select([], outputs) if view.status == "finished"]
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
