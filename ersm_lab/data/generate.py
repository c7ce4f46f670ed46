"""Generated data sets: written once, whole or not at all, and rewritten when what was asked for changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.data.version import generated
from ersm_lab.files.atomic import make_folder


def generate_once(root: Path, layout: str, options: Mapping[str, Any], write: Callable[[Path], None]) -> None:
    """Makes ``root`` with ``write`` unless it already holds what ``options`` ask for.

    ``root/dataset.json`` records layout, generator version and options. Two processes generate once. A folder that was
    made from other options, or by hand, is refused, never overwritten.
    """
    wanted = json.loads(
        json.dumps({"layout": layout, "version": generated()[layout], "options": dict(options)})
    )

    def fill(folder: Path) -> None:
        write(folder)
        (folder / "dataset.json").write_text(json.dumps(wanted, indent=1) + "\n")

    if root.exists() or not make_folder(root, fill):
        _check(root, wanted)


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """A PNG of ``(H, W, 3)`` or ``(H, W)`` uint8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, compress_level=1)


def _check(root: Path, wanted: Mapping[str, Any]) -> None:
    note = root / "dataset.json"
    found = json.loads(note.read_text()) if note.is_file() else None
    if found is None:
        raise UserError(
            f"{root} was not generated here (it has no dataset.json); move it away, or set data.root to another folder"
        )
    if _without_places(found) != _without_places(wanted):
        raise UserError(
            f"{root} was generated from other options or by another version; remove it, or set data.root to another folder"
        )


def _without_places(node: object) -> object:
    """``node`` without the folders named in it: a data set that was moved is the same data set."""
    if not isinstance(node, dict):
        return node
    return {key: _without_places(value) for key, value in node.items() if key != "root"}
