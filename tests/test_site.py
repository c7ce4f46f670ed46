"""The documentation site builds without a warning, holds every public name, and asks no network for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ersm_lab.metrics import __all__ as METRICS
from ersm_lab.papers.ersm import __all__ as ERSM
from ersm_lab.papers.fornet import __all__ as FORNET
from ersm_lab.papers.slem import __all__ as SLEM

pytest.importorskip("mkdocs")
ROOT = Path(__file__).parents[1]
FETCHING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}

sys.path.append(str(ROOT / "scripts"))
from site_docstrings import markdown  # noqa: E402


class Fetched(HTMLParser):
    """The addresses of what a browser loads with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name == FETCHING.get(tag)]


def test_docstrings_become_markdown() -> None:
    docstring = "Adds.\n\nParameters\n----------\na: one\n    of them.\nb, c: others.\n\n>>> add(1, 2)\n3"
    listed = "**Parameters**\n\n- `a`: one\n    of them.\n- `b, c`: others."
    assert markdown(docstring) == f"Adds.\n\n{listed}\n\n\n```pycon\n>>> add(1, 2)\n3\n```\n"


def test_a_grid_keeps_its_columns() -> None:
    assert (
        markdown("One of\n\n== ==\n``a`` 1\n== ==\n\nthem.")
        == "One of\n\n```text\n== ==\na 1\n== ==\n```\n\nthem."
    )


@pytest.mark.slow
def test_the_site_builds_and_asks_no_network(tmp_path: Path) -> None:
    site = tmp_path / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(site)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for page in site.rglob("*.html"):
        reader = Fetched()
        reader.feed(page.read_text(encoding="utf-8"))
        assert not [address for address in reader.addresses if re.match(r"(https?:)?//", address)], page
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), (
            style
        )
    for page, names in {"ersm": ERSM, "fornet": FORNET, "slem": SLEM, "metrics": METRICS}.items():
        text = (site / "api" / f"{page}.html").read_text(encoding="utf-8")
        assert not [name for name in names if not re.search(rf'id="ersm_lab\.[\w.]+\.{name}"', text)], page
