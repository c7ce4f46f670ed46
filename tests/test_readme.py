"""The Python of the README and of the documentation's pages runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = {
    page.relative_to(ROOT).as_posix(): blocks
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if (blocks := re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.S))
}


@pytest.mark.parametrize("page", BLOCKS)
def test_examples_run(page: str) -> None:
    """In the order of the page, as one module."""
    module: dict[str, object] = {"__file__": page}
    for block in BLOCKS[page]:
        exec(compile(block, page, "exec"), module)


def test_the_readme_has_some() -> None:
    assert "README.md" in BLOCKS
