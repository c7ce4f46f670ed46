"""``ersm-lab data``: what is there, what is missing and where it would have to lie."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ersm_lab.core.errors import UserError
from ersm_lab.core.schema import DataConfig
from ersm_lab.data.layouts import layouts_of, read_kind, read_layout
from ersm_lab.data.pictures import PictureData
from ersm_lab.data.scenes import SceneData
from ersm_lab.data.schema import SegmentationDataConfig, SourceConfig
from ersm_lab.data.version import generated
from ersm_lab.files.archives import archive_of


def show(settings: Mapping[str, DataConfig]) -> None:
    """Prints a table of data sets; ``settings`` are the resolved ``data`` groups by name."""
    table = Table(title="data sets")
    for heading in ("data=", "state", "folder"):
        table.add_column(heading, overflow="fold")
    for name, group in sorted(settings.items()):
        table.add_row(name, state_of(group), group.root)
    Console().print(table)


def state_of(group: DataConfig | SourceConfig) -> str:
    """``there``, ``packed`` (an archive lies beside), ``generated when used`` or ``missing``, of a ``data`` group.

    What is generated from a data set that is missing is missing too.
    """
    root = Path(group.root)
    if root.is_dir() and any(root.iterdir()):
        return "there"
    if archive_of(root) is not None:
        return "packed"
    if group.layout not in generated():
        return "missing"
    source = source_of(group)
    return "missing" if source is not group and state_of(source) == "missing" else "generated when used"


def source_of(group: DataConfig | SourceConfig) -> DataConfig | SourceConfig:
    """The group, or where its pictures come from when they are composed of another data set's."""
    return SourceConfig.named_in(group.options) or group


def make(name: str, group: DataConfig) -> None:
    """Generates (or reads, and so checks) one data set and says what it holds."""
    data = read_layout(group.layout, Path(group.root), group.options)
    if isinstance(data, PictureData):
        print(f"{name}: {len(data.files)} picture files in {group.root}")
        return
    sizes = {"train": data.train, "val": data.val, "test": data.test}
    counts = ", ".join(f"{split} {len(part)}" for split, part in sizes.items() if part is not None)
    if not counts:
        raise UserError(f"{name} is empty")
    print(f"{name}: {len(data.classes)} classes, {counts} images in {group.root}")


def pack(name: str, group: DataConfig) -> None:
    """Writes the packed cache of a segmentation data set, or says that it is there."""
    if not isinstance(group, SegmentationDataConfig):
        raise UserError(
            f"data={name} has one label per picture, or none; a packed cache is for segmentation ({', '.join(layouts_of(SceneData))})"
        )
    from ersm_lab.data.packed import pack_folder, packed

    root = Path(group.root)
    data = read_kind(SceneData, group.layout, root, group.options)
    place = pack_folder(Path(group.pack.folder), group.layout, root, group.options)
    for split, whole in (("train", data.train), ("val", data.val)):
        there, start = (place / split).exists(), time.perf_counter()
        part = packed(whole, place / split)
        size = sum(path.stat().st_size for path in (place / split).iterdir()) / 2**20
        took = "was there" if there else f"{time.perf_counter() - start:.0f} s"
        print(f"{name} {split}: {len(part)} pictures, {size:.0f} MiB, {took}, {place / split}")
    print("train from it with data.pack.enabled=true")
