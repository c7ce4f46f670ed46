"""Toy streets in Cityscapes' own layout; written when they are first read."""

from __future__ import annotations

from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.data.generate import generate_once
from ersm_lab.data.layouts import cityscapes
from ersm_lab.data.scenes import SceneData
from ersm_lab.data.streets import make_scene, write_scene

CITIES = {"train": ("appelstadt", "birnburg", "kirschheim"), "val": ("nussdorf",)}


def read(
    root: Path, height: int = 128, width: int = 256, train: int = 240, val: int = 60, seed: int = 0
) -> SceneData:
    """``train`` and ``val`` count scenes of ``height`` x ``width`` pixels; no scene and no city is in two splits."""
    if height < 32 or width < 32 or train < 1 or val < 1:
        raise UserError(
            f"toy streets need 32 pixels a side and a scene per split, not {height}x{width} and {train}, {val}"
        )
    counts = {"train": train, "val": val}
    options = {"height": height, "width": width, **counts, "seed": seed}

    def write(folder: Path) -> None:
        for place, (split, cities) in enumerate(CITIES.items()):
            for i in range(counts[split]):
                write_scene(
                    folder, split, cities[i % len(cities)], i, make_scene((seed, place, i), height, width)
                )

    generate_once(root, "toy_streets", options, write)
    return cityscapes.read(root)
