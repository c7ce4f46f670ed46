"""One picture on a canvas of shuffled pieces of other pictures, with the object's mask; written when it is first read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ersm_lab.core.errors import UserError
from ersm_lab.data.composites import write_composites
from ersm_lab.data.content import source_content
from ersm_lab.data.generate import generate_once
from ersm_lab.data.layouts import check_options, imagefolder, read_kind
from ersm_lab.data.schema import SourceConfig
from ersm_lab.data.splits import ImageData, divide

_SOURCE = {
    "layout": str,
    "root": str,
    "options": Mapping,
    "train_range": Sequence,
    "val_fraction": float,
    "split_seed": int,
}


def read(
    root: Path,
    source: Mapping[str, Any],
    canvas: int = 64,
    tile: int = 16,
    patch: int = 8,
    train: int = 2000,
    val: int = 500,
    test: int = 1000,
    seed: int = 0,
) -> ImageData:
    """Composites of ``source``: ``{layout, root, options, train_range, val_fraction, split_seed}``.

    The sources are divided before anything is composed: no picture, as object or in pieces, is in two splits.
    ``canvas``, ``tile`` (the object's side) and ``patch`` (the pieces' side) are pixels; ``train``, ``val``, ``test``
    count images. The folder records what the source held; a source that holds something else by now is refused.
    """
    counts = {"train": train, "val": val, "test": test}
    check_options(source, _SOURCE, "data.options.source.")
    if not 1 <= patch <= tile <= canvas or canvas % patch:
        raise UserError(
            f"composites need 1 <= patch <= tile <= canvas and a canvas that is a multiple of patch, not {patch}, {tile}, {canvas}"
        )
    if missing := next((key for key in ("layout", "root") if key not in source), None):
        raise UserError(f"'data.options.source.{missing}' is missing: whose pictures are composed?")
    made_from = SourceConfig.of(source)
    there, recorded = root.exists(), _recorded_content(root)
    content = recorded if there else _content(made_from)
    identity = {**source, "content": content} if content else dict(source)
    options = {"source": identity, "canvas": canvas, "tile": tile, "patch": patch, **counts, "seed": seed}

    def write(folder: Path) -> None:
        whole = read_kind(ImageData, made_from.layout, Path(made_from.root), made_from.options)
        parts = divide(whole, made_from.train_range, made_from.val_fraction, made_from.split_seed)
        write_composites(folder, parts, counts, canvas=canvas, tile=tile, patch=patch, seed=seed)

    generate_once(root, "composites", options, write)
    if recorded and _changed(made_from, recorded):
        raise UserError(
            f"{root} was composed of other pictures than {made_from.root} holds now; remove it, or set data.root to another folder"
        )
    return imagefolder.read(root)


def _recorded_content(root: Path) -> str | None:
    """What the source held when ``root`` was written; None for no such folder, or one that does not say."""
    note = root / "dataset.json"
    if not note.is_file():
        return None
    content = json.loads(note.read_text()).get("options", {}).get("source", {}).get("content")
    return None if content is None else str(content)


def _content(source: SourceConfig) -> str:
    return source_content(source.layout, Path(source.root), source.options)


def _changed(source: SourceConfig, recorded: str) -> bool:
    try:
        return _content(source) != recorded
    except UserError:  # a source that is no longer there cannot have changed
        return False
