"""Every loader on small data in its genuine layout, and what it says of bad data."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import forget
from ersm_lab.data.content import source_content
from ersm_lab.data.layouts import layouts_of, read_kind, read_layout
from ersm_lab.data.module import ImageDataModule
from ersm_lab.data.pictures import PictureData
from ersm_lab.data.scenes import SceneData
from ersm_lab.data.splits import ImageData, divide, stratified_order
from ersm_lab.data.version import generated
from ersm_lab.files.archives import extract, folder_or_archive


def picture(path: Path, size=(12, 10), value=100, mode="RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode in ("L", "I;16") else (value,) * len(mode)).save(path)
    return path


def folder(root: Path, splits=("train", "test"), classes=("cat", "dog"), count=6) -> Path:
    for split in splits:
        for name in classes:
            for index in range(count):
                picture(root / split / name / f"{index}.png", value=index)
    return root


def test_imagefolder_with_and_without_splits(tmp_path):
    data = read_layout("imagefolder", folder(tmp_path / "a"), {})
    assert (data.classes, len(data.train), data.val, len(data.test)) == (["cat", "dog"], 12, None, 12)
    flat = read_layout("imagefolder", folder(tmp_path / "b", splits=("",), count=10), {"test_fraction": 0.2})
    assert (len(flat.train), len(flat.test)) == (16, 4)
    like_imagenet = read_layout("imagefolder", folder(tmp_path / "c", splits=("train", "val")), {})
    assert like_imagenet.val is None
    assert len(like_imagenet.test) == 12


def test_imagefolder_masks(tmp_path):
    root = folder(tmp_path / "d")
    for path in [*root.glob("train/*/*.png"), *root.glob("test/*/*.png")]:
        picture(root / "masks" / path.relative_to(root), mode="L", value=255)
    data = read_layout("imagefolder", root, {})
    assert data.test.has_masks
    assert data.test.mask(0).all()
    next((root / "masks").rglob("*.png")).unlink()
    with pytest.raises(UserError, match="no mask"):
        read_layout("imagefolder", root, {})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p, "looked for"),
        (lambda p: p.mkdir() or p, "is empty"),
        (lambda p: folder(p, classes=("cat",)), "one class only"),
        (
            lambda p: folder(folder(p, splits=("train",)), splits=("test",), classes=("cat", "fox")),
            "dog, fox",
        ),
        (
            lambda p: (folder(p), (p / "train" / "owl").mkdir(), (p / "test" / "owl").mkdir())[0] and p,
            "holds no picture",
        ),
    ],
)
def test_bad_folders_are_named(tmp_path, make, words):
    root = make(tmp_path / "data")
    with pytest.raises(UserError, match=words):
        read_layout("imagefolder", root, {})


def test_unknown_option_and_layout(tmp_path):
    with pytest.raises(UserError, match="did you mean 'test_fraction'"):
        read_layout("imagefolder", tmp_path, {"test_fracton": 0.5})
    with pytest.raises(UserError, match="did you mean 'imagefolder'"):
        read_layout("imagefoldr", tmp_path, {})


def test_a_layout_has_one_kind_of_data(tmp_path):
    root = folder(tmp_path / "data")
    for kind, words in (
        (
            SceneData,
            "has one label per picture; with a label per pixel there are: camvid, cityscapes, toy_streets",
        ),
        (PictureData, "with no labels there are: folder, photographs, structures"),
    ):
        with pytest.raises(UserError, match=words):
            read_kind(kind, "imagefolder", root, {})
    assert len(read_kind(ImageData, "imagefolder", root, {}).train)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A plug-in in a folder, with a layout that it generates."""
    package = tmp_path / "plugins" / "elsewhere"
    package.mkdir(parents=True)
    (package / "plugin.py").write_text(
        "from ersm_lab.core.plugins import Plugin\n"
        "PLUGIN = Plugin('elsewhere', 'elsewhere', layouts={'twins': 'elsewhere.twins:read'}, generated={'twins': 7})\n"
    )
    (package / "twins.py").write_text(
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from ersm_lab.data.splits import ArraySplit, ImageData\n"
        "def read(root: Path, count: int = 4) -> ImageData:\n"
        "    split = ArraySplit(np.zeros((count, 8, 8, 3), np.uint8), [0, 1] * (count // 2), 'twins')\n"
        "    return ImageData(['one', 'two'], split, None, split)\n"
    )
    monkeypatch.setenv("ERSM_LAB_PLUGINS", str(tmp_path / "plugins"))
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    forget()
    yield
    forget()


def test_a_layout_of_another_plug_in(elsewhere, tmp_path):
    """Breaks when layouts are looked for in this package, or a generator's version is no part of the data's identity."""
    assert len(read_layout("twins", tmp_path / "none", {"count": 6}).train) == 6
    assert "twins" in layouts_of(ImageData)
    with pytest.raises(UserError, match="did you mean 'count'"):
        read_layout("twins", tmp_path / "none", {"cuont": 6})
    assert generated()["twins"] == 7
    assert source_content("twins", Path("none"), {}) == "twins version 7"


def test_cifar10_official_files(tmp_path, monkeypatch):
    """The pickles, through torchvision; their sums are checked, so the test replaces the list of sums."""
    import hashlib

    from torchvision.datasets import CIFAR10

    root = tmp_path / "cifar-10-batches-py"
    root.mkdir()
    rng = np.random.default_rng(0)

    def write(name, content):
        (root / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((root / name).read_bytes()).hexdigest()]

    def batch():
        return {
            "data": rng.integers(0, 255, (20, 3072), dtype=np.uint8),
            "labels": [i % 10 for i in range(20)],
        }

    names = [f"class{i}" for i in range(10)]
    train = [write(f"data_batch_{i}", batch()) for i in range(1, 6)]
    test = [write("test_batch", batch())]
    meta = write("batches.meta", {"label_names": names})
    monkeypatch.setattr(CIFAR10, "train_list", train)
    monkeypatch.setattr(CIFAR10, "test_list", test)
    monkeypatch.setattr(CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    data = read_layout("cifar10", root, {})
    assert (data.classes, len(data.train), len(data.test)) == (names, 100, 20)
    assert data.train.image(0).size == (32, 32)
    (root / "test_batch").write_bytes(b"x")
    with pytest.raises(UserError, match="sums differ"):
        read_layout("cifar10", root, {})


def test_cub200_from_its_own_files(tmp_path):
    root = tmp_path / "CUB_200_2011"
    rows = [
        (1, "001.Auk/a.jpg", 1, 1),
        (2, "001.Auk/b.jpg", 1, 0),
        (3, "002.Jay/c.jpg", 2, 1),
        (4, "002.Jay/d.jpg", 2, 0),
    ]
    for _, name, _, _ in rows:
        picture(root / "images" / name)
        picture(tmp_path / "segmentations" / Path(name).with_suffix(".png"), mode="L", value=200)
    (root / "images.txt").write_text("".join(f"{i} {name}\n" for i, name, _, _ in rows))
    (root / "image_class_labels.txt").write_text("".join(f"{i} {label}\n" for i, _, label, _ in rows))
    (root / "train_test_split.txt").write_text("".join(f"{i} {flag}\n" for i, _, _, flag in rows))
    (root / "classes.txt").write_text("1 001.Auk\n2 002.Jay\n")
    data = read_layout("cub200", root, {})
    assert data.classes == ["001.Auk", "002.Jay"]
    assert [data.train.name(i) for i in range(2)] == ["001.Auk/a.jpg", "002.Jay/c.jpg"]
    assert data.test.labels.tolist() == [0, 1]
    assert data.test.mask(0).all()
    (root / "classes.txt").unlink()
    with pytest.raises(UserError, match=r"classes\.txt"):
        read_layout("cub200", root, {})


def test_pets_with_trimaps(tmp_path):
    for name in ("Abyssinian_1", "pug_1", "pug_2"):
        picture(tmp_path / "images" / f"{name}.jpg")
        path = tmp_path / "annotations" / "trimaps" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.tile(np.array([1, 2, 3], dtype=np.uint8), (10, 4))).save(path)
    (tmp_path / "annotations" / "trainval.txt").write_text("Abyssinian_1 1 1 1\npug_1 2 2 1\n")
    (tmp_path / "annotations" / "test.txt").write_text("#comment\npug_2 2 2 1\nAbyssinian_1 1 1 1\n")
    data = read_layout("pets", tmp_path, {})
    assert data.classes == ["Abyssinian", "pug"]
    assert data.test.labels.tolist() == [1, 0]
    assert data.test.mask(0).mean() == pytest.approx(1 / 3)


def test_food101_lists(tmp_path):
    root = tmp_path / "food-101"
    for name in ("pie/1", "pie/2", "soup/3", "soup/4"):
        picture(root / "images" / f"{name}.jpg")
    (root / "meta").mkdir()
    (root / "meta" / "classes.txt").write_text("pie\nsoup\n")
    (root / "meta" / "train.txt").write_text("pie/1\nsoup/3\n")
    (root / "meta" / "test.txt").write_text("pie/2\nsoup/4\n")
    data = read_layout("food101", root, {})
    assert (len(data.train), data.test.labels.tolist()) == (2, [0, 1])
    (root / "meta" / "test.txt").write_text("cake/2\n")
    with pytest.raises(UserError, match="cake/2"):
        read_layout("food101", root, {})


@pytest.mark.parametrize("workers", [0, 1])
def test_a_truncated_jpeg_is_named(tmp_path, workers):
    """From a loader's worker process too."""
    root = folder(tmp_path / "data")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    (root / "test" / "cat" / "0.jpg").write_bytes(buffer.getvalue()[:800])
    data = ImageDataModule("imagefolder", str(root), transform={"size": 8}, num_workers=workers)
    data.setup()
    with pytest.raises(UserError, match=r"cat/0\.jpg") as caught:
        list(data.test_dataloader())
    assert "\n" not in str(caught.value)


def test_archives_cannot_write_elsewhere(tmp_path):
    for name, member in (("a.tar.gz", "../evil"), ("b.tar.gz", "/tmp/evil")):
        with tarfile.open(tmp_path / name, "w:gz") as packed:
            info = tarfile.TarInfo(member)
            info.size = 1
            packed.addfile(info, io.BytesIO(b"x"))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as packed:
        packed.writestr("../evil", "x")
    with tarfile.open(tmp_path / "d.tar", "w") as packed:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    for name in ("a.tar.gz", "c.zip", "d.tar"):
        with pytest.raises(UserError, match="outside"):
            extract(tmp_path / name, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        assert not (tmp_path.parent / "evil").exists()


def test_an_archive_is_unpacked_and_its_sum_checked(tmp_path):
    folder(tmp_path / "set")
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "set", "set")
    import shutil

    shutil.rmtree(tmp_path / "set")
    with pytest.raises(UserError, match="MD5"):
        folder_or_archive(tmp_path / "set", {"set.tar.gz": "0" * 32})
    assert len(read_layout("imagefolder", tmp_path / "set", {}).train) == 12


def test_divisions_are_disjoint_stratified_and_reproducible(tmp_path):
    data = read_layout("imagefolder", folder(tmp_path / "e", count=20), {})
    low, high = divide(data, (0.0, 0.5), 0.2, 0), divide(data, (0.5, 1.0), 0.2, 0)
    parts = [low.train, low.val, high.train, high.val]
    names = [{part.name(i) for i in range(len(part))} for part in parts]
    assert sum(map(len, names)) == len(set().union(*names)) == 40
    for part in parts:
        assert abs(part.labels.mean() - 0.5) < 0.15
    again = divide(data, (0.0, 0.5), 0.2, 0)
    assert again.val.indices.tolist() == low.val.indices.tolist()
    order = stratified_order(np.repeat([0, 1], 50), 1)
    assert sorted(order.tolist()) == list(range(100))
