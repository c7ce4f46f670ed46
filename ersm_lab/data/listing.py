"""``ersm-lab data``: what is there, what is missing and where it would have to lie."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ersm_lab.core.errors import UserError
from ersm_lab.data.layouts import read_layout
from ersm_lab.data.picture_sets import LAYOUTS as PICTURES
from ersm_lab.data.picture_sets import list_pictures
from ersm_lab.data.version import GENERATED
from ersm_lab.files.archives import archive_of


def show(settings: dict[str, dict[str, object]]) -> None:
    """Prints a table of data sets; ``settings`` are the resolved ``data`` groups by name."""
    table = Table(title="data sets")
    for heading in ("data=", "state", "folder"):
        table.add_column(heading, overflow="fold")
    for name, group in sorted(settings.items()):
        table.add_row(name, state_of(group), str(group["root"]))
    Console().print(table)


def state_of(group: Mapping[str, Any]) -> str:
    """``there``, ``packed`` (an archive lies beside), ``generated when used`` or ``missing``, of a ``data`` group.

    What is generated from a data set that is missing is missing too.
    """
    root, layout = Path(str(group["root"])), str(group["layout"])
    if root.is_dir() and any(root.iterdir()):
        return "there"
    if archive_of(root) is not None:
        return "packed"
    if layout not in GENERATED:
        return "missing"
    source = source_of(group)
    return "missing" if source is not group and state_of(source) == "missing" else "generated when used"


def source_of(group: Mapping[str, Any]) -> Mapping[str, Any]:
    """The group, or where its pictures come from when they are composed of another data set's."""
    options = group.get("options") or {}
    return options["source"] if group["layout"] == "composites" and "source" in options else group


def make(name: str, group: dict[str, object]) -> None:
    """Generates (or reads, and so checks) one data set and says what it holds."""
    options = group["options"]
    assert isinstance(options, dict)
    if group["layout"] in PICTURES:
        found = list_pictures(str(group["layout"]), Path(str(group["root"])), options)
        print(f"{name}: {len(found)} picture files in {group['root']}")
        return
    data = read_layout(str(group["layout"]), Path(str(group["root"])), options)
    sizes = {"train": data.train, "val": data.val, "test": data.test}
    counts = ", ".join(f"{split} {len(part)}" for split, part in sizes.items() if part is not None)
    if not counts:
        raise UserError(f"{name} is empty")
    print(f"{name}: {len(data.classes)} classes, {counts} images in {group['root']}")


def pack(name: str, group: dict[str, Any]) -> None:
    """Writes the packed cache of a segmentation data set, or says that it is there."""
    if "pack" not in group:
        raise UserError(
            f"data={name} has one label per picture; a packed cache is for segmentation (camvid, cityscapes, toy_streets)"
        )
    from ersm_lab.data.packed import pack_folder, packed
    from ersm_lab.data.scenes import SceneData

    root = Path(group["root"])
    data: Any = read_layout(group["layout"], root, group["options"])
    assert isinstance(data, SceneData)
    place = pack_folder(Path(group["pack"]["folder"]), group["layout"], root, group["options"])
    for split in ("train", "val"):
        there, start = (place / split).exists(), time.perf_counter()
        part = packed(getattr(data, split), place / split)
        size = sum(path.stat().st_size for path in (place / split).iterdir()) / 2**20
        took = "was there" if there else f"{time.perf_counter() - start:.0f} s"
        print(f"{name} {split}: {len(part)} pictures, {size:.0f} MiB, {took}, {place / split}")
    print("train from it with data.pack.enabled=true")
