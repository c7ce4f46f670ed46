"""The data module of segmentation: crops, padding, rare classes, the packed cache."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.data.packed import pack_folder
from ersm_lab.data.scene_transforms import SceneTransform
from ersm_lab.data.segmentation import SegmentationDataModule
from ersm_lab.runs.fingerprint import data_fingerprint
from ersm_lab.runs.hashing import config_hash
from ersm_lab.vision.labels import IGNORE
from tests import small_data

PLAIN = {"hflip": False, "mean": (0, 0, 0), "std": (1, 1, 1)}


def module(tmp_path, **settings):
    if not (tmp_path / "camvid").exists():
        small_data.camvid(tmp_path)
    transform = {"crop": (64, 80), "scale": (0.5, 2.0), **settings.pop("transform", {})}
    data = SegmentationDataModule(
        "camvid", str(tmp_path / "camvid"), transform=transform, batch_size=2, **settings
    )
    data.setup()
    return data


def coded(height=40, width=60):
    """A picture whose red and green say where a pixel was, and labels that say it too."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    image = np.stack([rows, columns, 0 * rows], -1)
    return image, (rows // 4).astype(np.uint8)


@pytest.mark.parametrize("hflip", [False, True])
def test_picture_and_labels_stay_together(hflip):
    """Breaks when crop or flip moves one and not the other. At scale 1 a crop is a copy."""
    transform = SceneTransform({**PLAIN, "crop": (16, 24), "scale": (1, 1), "hflip": hflip}, True)
    image, label = coded()
    flips = set()
    for seed in range(30):
        torch.manual_seed(seed)
        pixels, classes = transform(image, label)
        assert pixels.shape == (3, 16, 24)
        rows, columns = (pixels[:2] * 255).round().long()
        assert torch.equal(rows // 4, classes)
        flips.add(bool(columns[0, 0] > columns[0, 1]))
    assert flips == ({False, True} if hflip else {False})


def test_a_crop_larger_than_the_picture_is_padded_with_ignore():
    transform = SceneTransform({**PLAIN, "crop": (64, 96), "scale": (1, 1), "mean": (0.5, 0.5, 0.5)}, True)
    image, label = coded()
    pixels, classes = transform(image, label)
    assert pixels.shape == (3, 64, 96)
    inside = classes != IGNORE
    assert int(inside.sum()) == label.size
    assert (pixels[:, ~inside] == 0).all()


def test_whole_pictures_in_validation():
    transform = SceneTransform({**PLAIN, "crop": (16, 16)}, False)
    image, label = coded()
    pixels, classes = transform(image, label)
    assert torch.equal(classes, torch.from_numpy(label).long())
    assert torch.equal((pixels * 255).round().to(torch.uint8), torch.from_numpy(image).permute(2, 0, 1))
    resized = SceneTransform({**PLAIN, "resize": (20, 30)}, False)(image, label)
    assert resized[0].shape == (3, 20, 30)
    assert set(resized[1].unique().tolist()) <= set(np.unique(label).tolist())


def test_rare_crops_hold_a_pixel_of_a_rare_class():
    """One pixel of class 9 in a corner: breaks when the crop is laid anywhere, or the class is drawn by pixels."""
    image, label = coded(200, 200)
    label[:] = 1
    label[199, 0] = 9
    settings = {
        **PLAIN,
        "crop": (16, 16),
        "scale": (1, 1),
        "rare": {"enabled": True, "p": 1.0, "classes": None},
    }
    for seed in range(20):
        torch.manual_seed(seed)
        assert (SceneTransform(settings, True, [9, 4])(image, label)[1] == 9).any()
    plain = SceneTransform({**settings, "rare": {"enabled": False}}, True, [9])
    assert sum(bool((plain(image, label)[1] == 9).any()) for _ in range(20)) < 10


def test_an_unknown_rare_class_is_named(tmp_path):
    with pytest.raises(UserError, match=r"'data\.transform\.rare\.classes' holds 'Poles'"):
        module(tmp_path, transform={"rare": {"enabled": True, "p": 1.0, "classes": ["Poles"]}})


def test_augmentation_follows_from_seed_epoch_and_index(tmp_path):
    """Whoever loads an item, in whatever order; another epoch gives another crop."""
    data = module(tmp_path)
    dataset = data.view_dataset("train", 0)
    first = dataset[(3, 1)]["image"]
    torch.manual_seed(5)
    assert torch.equal(dataset[(3, 1)]["image"], first)
    assert not torch.equal(dataset[(4, 1)]["image"], first)
    assert dataset[(0, 1)]["name"] == "0001TP_000001"


def test_the_packed_cache_gives_the_same_items(tmp_path):
    """Bit for bit, in training and in validation; breaks when offsets or channels are mixed up."""
    plain = module(tmp_path)
    pack = {"enabled": True, "folder": str(tmp_path / "cache")}
    cached = module(tmp_path, pack=pack)
    for name in ("train", "val"):
        for view in (0, None):
            ours, theirs = cached.view_dataset(name, view), plain.view_dataset(name, view)
            for i in range(len(theirs)):
                for key in ("image", "label"):
                    assert torch.equal(ours[(2, i)][key], theirs[(2, i)][key])
    assert isinstance(cached.train.pixels, np.memmap)
    place = pack_folder(tmp_path / "cache", "camvid", tmp_path / "camvid", {})
    stamp = (place / "train" / "pixels.bin").stat().st_mtime_ns
    module(tmp_path, pack=pack)
    assert (place / "train" / "pixels.bin").stat().st_mtime_ns == stamp


def test_a_cache_that_cannot_be_written_leaves_nothing(tmp_path):
    small_data.camvid(tmp_path)
    (tmp_path / "camvid" / "trainannot" / "0001TP_000002.png").write_bytes(b"no")
    with pytest.raises(UserError, match="cannot be read as labels"):
        module(tmp_path, pack={"enabled": True, "folder": str(tmp_path / "cache")})
    assert not list((tmp_path / "cache").rglob("*.bin"))


def test_the_cache_is_no_part_of_a_runs_identity(lab):
    small_data.camvid(lab / "data")
    configs = [
        compose_experiment(["experiment=fornet/camvid", *more]).config
        for more in ([], ["data.pack.enabled=true"])
    ]
    data = data_fingerprint("camvid", lab / "data" / "camvid", {})
    assert len({config_hash(config, data, {}) for config in configs}) == 1


def test_pictures_of_different_sizes_need_single_batches(tmp_path):
    from PIL import Image

    small_data.camvid(tmp_path)
    for folder in ("val", "valannot"):
        path = tmp_path / "camvid" / folder / "0001TP_000001.png"
        Image.open(path).crop((0, 0, 60, 60)).save(path)
    data = module(tmp_path, eval_batch_size=2)
    with pytest.raises(UserError, match=r"0001TP_000001 60x60.*data\.eval_batch_size=1"):
        next(iter(data.val_dataloader()))


def test_the_command_packs(lab, capsys):
    from ersm_lab.cli import main

    small_data.camvid(lab / "data")
    assert main(["data", "pack", "camvid"]) == 0
    assert "camvid train: 4 pictures" in capsys.readouterr().out
    assert main(["data", "pack", "digits"]) == 1
    assert "one label per picture" in capsys.readouterr().err
