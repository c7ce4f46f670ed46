"""``ersm-lab data``: what is there, what is missing and where it would have to lie."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from ersm_lab.data.layouts import read_layout
from ersm_lab.data.version import GENERATED
from ersm_lab.errors import UserError


def show(settings: dict[str, dict[str, object]]) -> None:
    """Prints a table of data sets; ``settings`` are the resolved ``data`` groups by name."""
    table = Table(title="data sets")
    for heading in ("data=", "state", "folder"):
        table.add_column(heading, overflow="fold")
    for name, group in sorted(settings.items()):
        table.add_row(name, state_of(group), str(group["root"]))
    Console().print(table)


def state_of(group: dict[str, object]) -> str:
    """``there``, ``packed`` (an archive lies beside), ``generated when used`` or ``missing``, of a ``data`` group."""
    root, layout = Path(str(group["root"])), str(group["layout"])
    if root.is_dir():
        return "there"
    if any(root.with_name(root.name + ending).exists() for ending in (".tgz", ".tar.gz", ".tar", ".zip")):
        return "packed"
    return "generated when used" if layout in GENERATED else "missing"


def make(name: str, group: dict[str, object]) -> None:
    """Generates (or reads, and so checks) one data set and says what it holds."""
    options = group["options"]
    assert isinstance(options, dict)
    data = read_layout(str(group["layout"]), Path(str(group["root"])), options)
    sizes = {"train": data.train, "val": data.val, "test": data.test}
    counts = ", ".join(f"{split} {len(part)}" for split, part in sizes.items() if part is not None)
    if not counts:
        raise UserError(f"{name} is empty")
    print(f"{name}: {len(data.classes)} classes, {counts} images in {group['root']}")
