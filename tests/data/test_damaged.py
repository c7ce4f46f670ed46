"""Damaged and odd files of a data set: named in one line, or read as what they are."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.data.layouts import read_layout
from ersm_lab.data.splits import FileSplit
from ersm_lab.files.archives import extract, folder_or_archive


def write(root: Path, *names: str, value: int = 100, mode: str = "L") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, (8, 6), value).save(root / name)


def pack(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as packed:
        for entry in sorted(folder.iterdir()):
            packed.add(entry, entry.name)
    shutil.rmtree(folder)
    return archive


def cub(root: Path) -> Path:
    """The published archive's content: the folder, and attributes.txt beside it."""
    names = ("001.Auk/a.png", "001.Auk/b.png", "002.Bee_eater/c.png", "002.Bee_eater/d.png")
    write(root / "CUB_200_2011" / "images", *names)
    (root / "attributes.txt").write_text("1 has_bill_shape::curved\n")
    for table, rows in {
        "images": names,
        "image_class_labels": "1122",
        "train_test_split": "1010",
        "classes": ("001.Auk", "002.Bee_eater"),
    }.items():
        text = "".join(f"{number} {row}\n" for number, row in enumerate(rows, 1))
        (root / "CUB_200_2011" / f"{table}.txt").write_text(text)
    return root


def test_cub200_from_its_two_archives(tmp_path, monkeypatch):
    """Masks are found though the archive's folder lies one level deeper than ``root``; breaks when they get lost in silence."""
    pack(cub(tmp_path / "scratch"), tmp_path / "CUB_200_2011.tgz")
    with pytest.raises(UserError, match="MD5"):
        read_layout("cub200", tmp_path / "CUB_200_2011", {})
    monkeypatch.setattr("ersm_lab.data.layouts.cub200._MD5", {})
    assert not read_layout("cub200", tmp_path / "CUB_200_2011", {}).test.has_masks
    names = ("001.Auk/a.png", "001.Auk/b.png", "002.Bee_eater/c.png", "002.Bee_eater/d.png")
    write(tmp_path / "scratch" / "segmentations", *names, value=51)  # one annotator of five
    pack(tmp_path / "scratch", tmp_path / "segmentations.tgz")
    data = read_layout("cub200", tmp_path / "CUB_200_2011", {})
    assert (data.classes, data.test.name(1)) == (["001.Auk", "002.Bee_eater"], "002.Bee_eater/d.png")
    assert data.test.mask(0).all()


@pytest.mark.parametrize(
    ("table", "text", "words"),
    [
        ("images", "1\n", "images.txt"),
        ("image_class_labels", "1 1\n2 1\n3 2\n4 9\n", "class 9"),
        ("train_test_split", "1 1\n2 0\n3 1\n", "same images"),
    ],
)
def test_cub200_tables_that_do_not_fit(tmp_path, table, text, words):
    root = cub(tmp_path) / "CUB_200_2011"
    (root / f"{table}.txt").write_text(text)
    with pytest.raises(UserError, match=words):
        read_layout("cub200", root, {})


def test_pets_archives_have_published_sums(tmp_path):
    write(tmp_path / "scratch" / "images", "pug_1.jpg")
    pack(tmp_path / "scratch", tmp_path / "images.tar.gz")
    with pytest.raises(UserError, match="MD5"):
        read_layout("pets", tmp_path, {})


def test_pets_list_that_is_none(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "trainval.txt").write_text("pug_1\n")
    with pytest.raises(UserError, match="'pug_1'"):
        read_layout("pets", tmp_path, {})


def test_cifar10_archive_inside_its_folder(tmp_path):
    """Where torchvision's download leaves it; the sum is checked before anything is unpickled."""
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "cifar-10-python.tar.gz").write_bytes(b"not it")
    with pytest.raises(UserError, match="MD5"):
        read_layout("cifar10", tmp_path / "cifar10", {})


def test_masks_are_named_and_palettes_are_labels(tmp_path):
    write(tmp_path, "a.png")
    palette = Image.fromarray(np.array([[1, 2, 3, 1]], dtype=np.uint8)).convert("P")
    palette.putpalette([0, 0, 0] * 4)  # all black: what counts is the index
    palette.save(tmp_path / "trimap.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    masks = [tmp_path / name for name in ("trimap.png", "broken.png", "missing.png")]
    split = FileSplit([tmp_path / "a.png"] * 3, [0, 0, 0], tmp_path, masks, mask_value=1)
    assert split.mask(0).tolist() == [[True, False, False, True]]
    for index in (1, 2):
        with pytest.raises(UserError, match=masks[index].name):
            split.mask(index)


def test_hidden_files_are_no_pictures(tmp_path):
    write(tmp_path, *(f"{split}/{name}/0.png" for split in ("train", "test") for name in ("cat", "masks")))
    (tmp_path / "train" / "cat" / "._0.png").write_bytes(b"resource fork")
    data = read_layout("imagefolder", tmp_path, {})
    assert (len(data.train), data.classes) == (2, ["cat", "masks"])


def test_damaged_archives_leave_nothing(tmp_path):
    """Bit flips and cuts, in tar and in zip: one line, and no half-unpacked folder that would pass for the data."""
    rng = np.random.default_rng(0)
    (tmp_path / "scratch").mkdir()
    for index in range(5):
        (tmp_path / "scratch" / f"{index}.bin").write_bytes(rng.bytes(3000))
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for path in (tmp_path / "scratch").iterdir():
            packed.write(path, path.name)
    whole = [
        pack(tmp_path / "scratch", tmp_path / "t.tar.gz").read_bytes(),
        (tmp_path / "z.zip").read_bytes(),
    ]
    said = []
    for trial in range(60):
        raw = bytearray(whole[trial % 2])
        if trial % 3 == 0:
            raw = raw[: rng.integers(1, len(raw) - 50)]
        else:
            for place in rng.integers(0, len(raw), 6):
                raw[place] ^= 0xFF
        archive, target = tmp_path / "damaged", tmp_path / f"out{trial}"
        archive.write_bytes(raw)
        try:
            extract(archive, target)
        except UserError as error:
            said.append((str(error), target.exists()))
    assert len(said) > 30
    assert not [line for line, left in said if left or "\n" in line]
    assert not [path for path in tmp_path.glob(".*") if path.suffix != ".lock"]


def test_an_archive_is_unpacked_once_by_several_processes(tmp_path):
    write(
        tmp_path / "scratch",
        *(f"{split}/{name}/{i}.png" for split in ("train", "test") for name in "ab" for i in range(9)),
    )
    pack(tmp_path / "scratch", tmp_path / "set.tgz")
    with ProcessPoolExecutor(4, get_context("fork")) as pool:
        assert list(pool.map(_count, [tmp_path / "set"] * 8)) == [18] * 8
    assert sorted(path.name for path in tmp_path.iterdir()) == [".set.lock", "set", "set.tgz"]


def _count(root):
    return len(read_layout("imagefolder", root, {}).train)


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "data.txt").write_text("x")
    with pytest.raises(UserError, match="neither a folder nor an archive"):
        folder_or_archive(tmp_path / "data.txt")


def test_devices_and_hard_links_are_refused(tmp_path):
    for kind in (tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE):
        with tarfile.open(tmp_path / "odd.tar", "w") as packed:
            member = tarfile.TarInfo("x")
            member.type, member.linkname = kind, "../../../etc/passwd"
            packed.addfile(member, io.BytesIO())
        with pytest.raises(UserError, match="outside"):
            extract(tmp_path / "odd.tar", tmp_path / "out")
        assert not (tmp_path / "out").exists()
