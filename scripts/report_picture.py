"""Takes the README's picture of a report page: `ersm-lab report`, then

    python scripts/report_picture.py outputs/report.html docs/figures/report.png \\
        --query "experiment=fornet/camvid_small status=finished" --lines model.variant

Needs the extra `dev` and a Chromium on the PATH.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from urllib.parse import quote


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument(
        "--query", default="", help="as in the page's filter field; all that it lists is shown"
    )
    parser.add_argument(
        "--lines", default="model.variant", help="what a line stands for: run, or a key that differs"
    )
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 1300), metavar=("WIDTH", "HEIGHT"))
    words = parser.parse_args()
    from playwright.sync_api import sync_playwright

    found = [
        path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))
    ]
    if not found or not words.page.is_file():
        print(
            f"error: {'no Chromium on the PATH' if not found else f'no page {words.page}'}", file=sys.stderr
        )
        return 1
    width, height = words.size
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found[0], args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
        tab.goto(f"{words.page.resolve().as_uri()}#q={quote(words.query)}")
        tab.wait_for_selector("html[data-ready=yes]")
        if words.query:
            tab.click("text=Clear selection")
            tab.click("text=Select listed")
        tab.select_option("#shown select >> nth=1", words.lines)
        tab.evaluate("document.activeElement.blur()")
        tab.mouse.move(0, 0)
        tab.screenshot(path=words.picture)
        browser.close()
    print(f"{words.picture}, {words.picture.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
