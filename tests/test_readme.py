"""The README's Python runs."""

from __future__ import annotations

import re
from pathlib import Path


def test_examples_run():
    blocks = re.findall(
        r"```python\n(.*?)```", (Path(__file__).parents[1] / "README.md").read_text(), flags=re.S
    )
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
