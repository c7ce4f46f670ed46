"""A few noisy pictures in the genuine layout of each data set that cannot be generated otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
_RNG = np.random.default_rng(0)


def _picture(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_RNG.integers(0, 255, (size, size, 3), dtype=np.uint8)).save(path)


def cifar10(data: Path) -> None:
    for split, count in (("train", 40), ("test", 2)):
        for name in CIFAR10:
            for index in range(count):
                _picture(data / "cifar10" / split / name / f"{index}.jpg", 32)


def cub200(data: Path, each: int = 12) -> None:
    """Images, four index files, and segmentations beside the folder."""
    root, names = data / "CUB_200_2011", ["001.Auk", "002.Jay"]
    images, labels, splits = [], [], []
    for label, name in enumerate(names, 1):
        for index in range(each):
            file, number = f"{name}/{index}.jpg", len(images) + 1
            _picture(root / "images" / file, 80)
            mask = data / "segmentations" / name / f"{index}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.pad(np.full((40, 40), 255, np.uint8), 20)).save(mask)
            images.append(f"{number} {file}\n")
            labels.append(f"{number} {label}\n")
            splits.append(f"{number} {int(index % 3 > 0)}\n")
    for file, lines in (("images", images), ("image_class_labels", labels), ("train_test_split", splits)):
        (root / f"{file}.txt").write_text("".join(lines))
    (root / "classes.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(names, 1)))


def pets(data: Path, each: int = 12) -> None:
    """Images, trimaps (1 object, 2 background, 3 border) and two lists."""
    root, lists = data / "oxford-iiit-pet", {"trainval": [], "test": []}
    for label, breed in enumerate(("Abyssinian", "pug"), 1):
        for index in range(each):
            name = f"{breed}_{index}"
            _picture(root / "images" / f"{name}.jpg", 80)
            trimap = root / "annotations" / "trimaps" / f"{name}.png"
            trimap.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.pad(np.ones((40, 40), np.uint8), 20, constant_values=2)).save(trimap)
            lists["test" if index % 3 == 0 else "trainval"].append(f"{name} {label} {label} 1\n")
    for file, lines in lists.items():
        (root / "annotations" / f"{file}.txt").write_text("".join(lines))


def food101(data: Path, each: int = 12) -> None:
    """Images, the list of classes and two lists."""
    root, lists = data / "food-101", {"train": [], "test": []}
    for name in ("pie", "soup"):
        for index in range(each):
            _picture(root / "images" / name / f"{index}.jpg", 80)
            lists["test" if index % 3 == 0 else "train"].append(f"{name}/{index}\n")
    (root / "meta").mkdir()
    (root / "meta" / "classes.txt").write_text("pie\nsoup\n")
    for file, lines in lists.items():
        (root / "meta" / f"{file}.txt").write_text("".join(lines))


def camvid(data: Path, each: int = 4, size: tuple[int, int] = (90, 120)) -> None:
    """Pictures and labels of train and val, with lists whose folders are those of another machine."""
    root = data / "camvid"
    for split in ("train", "val"):
        lines = []
        for index in range(each):
            name = f"0001TP_{index:06d}.png"
            (root / split).mkdir(parents=True, exist_ok=True)
            (root / f"{split}annot").mkdir(exist_ok=True)
            Image.fromarray(_RNG.integers(0, 255, (*size, 3), dtype=np.uint8)).save(root / split / name)
            blocks = _RNG.integers(0, 12, (size[0] // 10, size[1] // 10), dtype=np.uint8)
            Image.fromarray(blocks.repeat(10, 0).repeat(10, 1)).save(root / f"{split}annot" / name)
            lines.append(f"/SegNet/CamVid/{split}/{name} /SegNet/CamVid/{split}annot/{name}\n")
        (root / f"{split}.txt").write_text("".join(lines))


def cityscapes(data: Path, each: int = 4, size: tuple[int, int] = (64, 128)) -> None:
    """Scenes of the generator under Cityscapes' names."""
    from ersm_lab.data.streets import make_scene, write_scene

    for place, (split, city) in enumerate((("train", "aachen"), ("val", "lindau"))):
        for index in range(each):
            write_scene(data / "cityscapes", split, city, index, make_scene((7, place, index), *size))


def write_all(data: Path) -> None:
    """Every data set above, below ``data``, where the configurations look for them."""
    for write in (cifar10, cub200, pets, food101, camvid, cityscapes):
        write(data)
