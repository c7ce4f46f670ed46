"""Data sets with a label per pixel, in their genuine layouts: what is read, and what is said of what is wrong."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.data.layouts import read_layout
from ersm_lab.data.streets import make_scene
from ersm_lab.vision.cityscapes import CITYSCAPES
from tests import small_data


@pytest.fixture
def streets(tmp_path):
    small_data.cityscapes(tmp_path, each=3)
    return tmp_path / "cityscapes"


@pytest.fixture
def camvid(tmp_path):
    small_data.camvid(tmp_path)
    return tmp_path / "camvid"


def test_cityscapes_are_read_by_the_official_table(streets):
    """Breaks when labelIds are not mapped, when instances are left out, or when names lose their city."""
    data = read_layout("cityscapes", streets, {})
    assert data.test is None
    assert len(data.train) == 3
    assert data.val.names[0] == "lindau_000000_000019"
    ids, train = data.val.label_ids(0), data.val.train_ids(0)
    for label in CITYSCAPES.labels:
        assert (train[ids == label.id] == label.train_id).all()
    instances = data.val.instance_ids(0)
    assert ((instances == ids) | (instances // 1000 == ids)).all()
    assert (instances >= 1000).any()


def test_coarse_labels_are_added_when_asked_for(streets):
    fine, extra = streets / "gtFine" / "train" / "aachen", streets / "gtCoarse" / "train_extra" / "augsburg"
    extra.mkdir(parents=True)
    (streets / "leftImg8bit" / "train_extra" / "augsburg").mkdir(parents=True)
    shutil.copy(
        fine / "aachen_000000_000019_gtFine_labelIds.png",
        extra / "augsburg_000000_000019_gtCoarse_labelIds.png",
    )
    shutil.copy(
        streets / "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png",
        streets / "leftImg8bit/train_extra/augsburg/augsburg_000000_000019_leftImg8bit.png",
    )
    assert len(read_layout("cityscapes", streets, {}).train) == 3
    assert len(read_layout("cityscapes", streets, {"coarse": True}).train) == 4


def test_a_test_split_without_labels(streets):
    """The benchmark keeps them: breaks when pictures without labels are refused, or get scores."""
    shutil.copytree(streets / "leftImg8bit" / "val", streets / "leftImg8bit" / "test")
    data = read_layout("cityscapes", streets, {})
    assert data.test.labels is None
    assert (data.test.scene(0)[1] == 255).all()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda root: next(root.glob("gtFine/val/*/*_000001_*labelIds.png")).unlink(),
            "has no gtFine_labelIds.png",
        ),
        (lambda root: next(root.glob("leftImg8bit/val/*/*_000001_*.png")).unlink(), "has no picture in"),
        (lambda root: shutil.rmtree(root / "gtFine"), "no folder"),
    ],
)
def test_cityscapes_with_a_file_missing(streets, spoil, message):
    spoil(streets)
    with pytest.raises(UserError, match=message) as caught:
        read_layout("cityscapes", streets, {})
    assert "\n" not in str(caught.value)


def test_train_id_files_are_detected_and_explained(streets):
    """Files that the scripts make from polygons, alone or under the name of labelIds."""
    for path in list(streets.glob("gtFine/val/*/*_labelIds.png")):
        ids = np.asarray(Image.open(path))
        Image.fromarray(CITYSCAPES.to_train[ids]).save(path)
    split = read_layout("cityscapes", streets, {}).val
    with pytest.raises(UserError, match=r"labelIds\.png holds labels \[255\].*trainId"):
        split.train_ids(0)
    for path in list(streets.glob("gtFine/val/*/*_labelIds.png")):
        path.rename(path.with_name(path.name.replace("labelIds", "labelTrainIds")))
    with pytest.raises(UserError, match="holds labelTrainIds only"):
        read_layout("cityscapes", streets, {})


def test_pictures_and_labels_of_different_size(streets):
    path = next(streets.glob("gtFine/val/*/*_000000_*labelIds.png"))
    Image.open(path).crop((0, 0, 64, 64)).save(path)
    with pytest.raises(UserError, match="64x64 pixels, but its picture"):
        read_layout("cityscapes", streets, {}).val.scene(0)


def test_labels_in_colours_and_damaged_labels(streets):
    path = next(streets.glob("gtFine/val/*/*_000000_*labelIds.png"))
    split = read_layout("cityscapes", streets, {}).val
    Image.new("RGB", (128, 64)).save(path)
    with pytest.raises(UserError, match="is a picture in colours"):
        split.label_ids(0)
    path.write_bytes(b"\x89PNG broken")
    with pytest.raises(UserError, match="cannot be read as labels"):
        split.label_ids(0)


def test_camvid_lists_with_foreign_folders(camvid):
    """SegNet's lists name another machine's folders; breaks when those are looked up, or 11 is taken for a class."""
    data = read_layout("camvid", camvid, {})
    assert (len(data.train), len(data.val), data.test, len(data.classes)) == (4, 4, None, 11)
    ids, train = data.train.label_ids(0), data.train.train_ids(0)
    assert (ids == 11).any()
    assert (train[ids == 11] == 255).all()
    assert (train[ids < 11] == ids[ids < 11]).all()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/a/train/x.png /a/trainannot/x.png", r"no file .*x\.png, which train\.txt lists in line 1"),
        ("/a/train/0001TP_000000.png", "a picture and its labels are expected"),
    ],
)
def test_camvid_lists_that_are_wrong(camvid, line, message):
    (camvid / "train.txt").write_text(line + "\n")
    with pytest.raises(UserError, match=message):
        read_layout("camvid", camvid, {})


def test_a_label_outside_camvids_table_names_its_file(camvid):
    path = camvid / "trainannot" / "0001TP_000000.png"
    Image.fromarray(np.full((90, 120), 12, np.uint8)).save(path)
    with pytest.raises(UserError, match=r"0001TP_000000\.png holds labels \[12\]"):
        read_layout("camvid", camvid, {}).train.train_ids(0)


def test_toy_streets_are_cityscapes_files_that_agree(tmp_path):
    """Polygons redrawn in their order give the label picture; thin things at several depths are there."""
    root = tmp_path / "toy"
    data = read_layout("toy_streets", root, {"height": 64, "width": 128, "train": 12, "val": 3})
    assert (len(data.train), len(data.val)) == (12, 3)
    cities = {name.split("_")[0] for name in data.train.names} & {
        name.split("_")[0] for name in data.val.names
    }
    assert not cities
    seen = np.concatenate([np.unique(data.train.label_ids(i)) for i in range(12)])
    names = {CITYSCAPES.labels[i].name for i in np.unique(seen)}
    wanted = "pole, traffic sign, traffic light, fence, person, rider, bicycle, car, road"
    assert names >= set(wanted.split(", "))
    note = json.loads(
        next(iter(sorted((root / "gtFine/train").glob("*/*_000000_*polygons.json")))).read_text()
    )
    scene = make_scene((0, 0, 0), 64, 128)
    assert note == scene.polygons
    assert scene.instances.dtype == np.uint16
    of = scene.instances >= 1000
    assert (scene.instances[of] // 1000 == scene.labels[of]).all()
    assert (scene.instances[~of] == scene.labels[~of]).all()
    for number in np.unique(scene.instances[of]):
        assert CITYSCAPES.labels[number // 1000].has_instances


def test_toy_streets_need_some_pixels(tmp_path):
    with pytest.raises(UserError, match="toy streets need 32 pixels"):
        read_layout("toy_streets", tmp_path / "toy", {"height": 8})
