"""Toy streets: scenes of polygons under one pinhole camera, as pictures and as the annotations of Cityscapes.

A scene is a list of ``Thing``, far ones first: each paints its polygons over what is behind it, in the picture and in
the labels alike, so that labels, instances and polygons agree to the pixel, and depth makes structures thin.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from ersm_lab.data.generate import write_picture
from ersm_lab.data.street_things import Camera, Thing, street
from ersm_lab.vision.cityscapes import CITYSCAPES

_ID = {label.name: label.id for label in CITYSCAPES.labels}
_COUNTED = {label.name for label in CITYSCAPES.labels if label.has_instances}


@dataclass
class Scene:
    """``image (H, W, 3)`` uint8, ``labels (H, W)`` uint8 labelIds, ``instances (H, W)`` uint16, ``polygons`` for JSON."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    instances: NDArray[np.uint16]
    polygons: dict[str, object] = field(default_factory=dict)


def make_scene(seed: Sequence[int], height: int, width: int) -> Scene:
    """The scene that follows from ``seed``."""
    rng = np.random.default_rng(list(seed))
    camera = Camera(height, width, horizon=rng.uniform(0.36, 0.46) * height, x=rng.uniform(-1.0, 1.0))
    return paint(street(rng, camera), rng, height, width)


def paint(things: Sequence[Thing], rng: np.random.Generator, height: int, width: int) -> Scene:
    """Draws things in their order; polygons are drawn in whole pixels, as the official scripts draw them."""
    picture = Image.new("RGB", (width, height))
    labels, instances = Image.new("L", (width, height), 0), Image.new("I", (width, height), 0)
    pens = [ImageDraw.Draw(image) for image in (picture, labels, instances)]
    count = dict.fromkeys(_COUNTED, 0)
    objects = []
    for thing in things:
        polygon = [(round(x), round(y)) for x, y in thing.polygon]
        number = _ID[thing.label]
        if thing.label in _COUNTED:
            number = 1000 * number + count[thing.label]
            count[thing.label] += 1
        for pen, value in zip(pens[1:], (_ID[thing.label], number), strict=True):
            pen.polygon(polygon, fill=value)
        objects.append({"label": thing.label, "polygon": [list(point) for point in polygon]})
        pens[0].polygon(polygon, fill=thing.colour)
        for colour, inner in thing.details:  # paint only: they lie within the polygon
            pens[0].polygon([(round(x), round(y)) for x, y in inner], fill=colour)
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.45)), dtype=np.float32)
    rough = rng.normal(0, 1, (height, width, 1)) * 5 + rng.normal(0, 1, (height, width, 3)) * 4
    coarse = Image.fromarray(rng.normal(0, 9, (8, 16)).astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    light = (
        rng.uniform(0.75, 1.15)
        * np.linspace(rng.uniform(0.85, 1.15), rng.uniform(0.85, 1.15), width)[None, :, None]
    )
    image = np.clip(pixels * light + rough + np.asarray(coarse)[..., None], 0, 255).astype(np.uint8)
    note = {"imgHeight": height, "imgWidth": width, "objects": objects}
    return Scene(image, np.asarray(labels), np.asarray(instances).astype(np.uint16), note)


def write_scene(root: Path, split: str, city: str, number: int, scene: Scene) -> None:
    """The five files of a frame, in Cityscapes' folders and under its names."""
    stem = f"{city}_{number:06d}_000019"
    truth = root / "gtFine" / split / city
    write_picture(root / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png", scene.image)
    write_picture(truth / f"{stem}_gtFine_labelIds.png", scene.labels)
    write_picture(truth / f"{stem}_gtFine_instanceIds.png", scene.instances)
    write_picture(truth / f"{stem}_gtFine_color.png", CITYSCAPES.palette[scene.labels])
    (truth / f"{stem}_gtFine_polygons.json").write_text(json.dumps(scene.polygons))
