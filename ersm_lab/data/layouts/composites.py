"""One picture on a canvas of shuffled pieces of other pictures, with the object's mask; written when it is first read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ersm_lab.data.composites import write_composites
from ersm_lab.data.generate import generate_once
from ersm_lab.data.layouts import imagefolder, read_layout
from ersm_lab.data.splits import ImageData, divide


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
    count images.
    """
    counts = {"train": train, "val": val, "test": test}
    options = {"source": dict(source), "canvas": canvas, "tile": tile, "patch": patch, **counts, "seed": seed}

    def write(folder: Path) -> None:
        whole = read_layout(source["layout"], Path(source["root"]), source.get("options") or {})
        parts = divide(
            whole,
            source.get("train_range", (0.0, 1.0)),
            source.get("val_fraction", 0.1),
            source.get("split_seed", 0),
        )
        write_composites(folder, parts, counts, canvas=canvas, tile=tile, patch=patch, seed=seed)

    generate_once(root, "composites", options, write)
    return imagefolder.read(root)
