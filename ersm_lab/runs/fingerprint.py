"""The identity of a data set: what it holds, not where it lies."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ersm_lab.data import version
from ersm_lab.errors import UserError
from ersm_lab.runs.hashing import canonical_hash


def data_fingerprint(layout: str, root: Path, options: Mapping[str, Any]) -> str:
    """A digest that changes when the data change.

    Generated data are identified by their options and the generator's version, so that they need not exist yet;
    folders by the relative names and sizes of their files; an archive by its name and size.

    Raises ``UserError`` when a data set that cannot be generated is missing.
    """
    if layout in version.GENERATED:
        generator: dict[str, Any] = {"layout": layout, "version": version.GENERATED[layout]}
        rest = {key: value for key, value in options.items() if key != "source"}
        if "source" in options:
            source = dict(options["source"])
            folder = Path(source.pop("root"))
            content = data_fingerprint(source["layout"], folder, source.get("options") or {})
            generator["source"] = {**source, "content": content}
        return canonical_hash({**generator, "options": rest})[:32]
    return folder_fingerprint(root.absolute())


@functools.cache
def folder_fingerprint(root: Path) -> str:
    """Digest of the sorted relative names and sizes below ``root``; read once per process."""
    if not root.exists():
        raise UserError(f"no data in {root}: put the data set there, or say where it is with data.root=FOLDER or paths.data=FOLDER")
    if root.is_file():
        return canonical_hash([root.name, root.stat().st_size])[:32]
    lines: list[str] = []
    pending = [root]
    while pending:
        folder = pending.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    pending.append(Path(entry.path))
                else:
                    lines.append(f"{os.path.relpath(entry.path, root)}\0{entry.stat().st_size}")
    if not lines:
        raise UserError(f"the data folder {root} is empty: put the data set there, or say where it is with data.root=FOLDER")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]
