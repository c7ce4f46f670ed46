"""Backbones whose features are not NCHW by nature, and ones for images of one size only."""

from __future__ import annotations

import pytest
import pytorch_lightning as pl
import timm
import torch
from torch.utils.data import DataLoader

from ersm_lab.core.errors import UserError
from ersm_lab.nn.backbone import Backbone
from ersm_lab.papers.ersm.classifier import ERSMClassifier

VIT = {"name": "vit_tiny_patch16_224", "kwargs": {"img_size": 64, "depth": 2}}
SWIN = {
    "name": "swin_tiny_patch4_window7_224",
    "kwargs": {"img_size": 64, "depths": (1, 1), "embed_dim": 24, "num_heads": (2, 2)},
}


@pytest.fixture(params=[VIT, SWIN], ids=["vit", "swin"])
def settings(request):
    return request.param


def test_a_transformers_features_are_its_grid_of_patches(settings):
    """Breaks when channels and columns are taken for one another, or a class token is taken for a place."""
    torch.manual_seed(0)
    backbone = Backbone(**settings).eval()
    images = torch.randn(2, 3, 64, 64)
    whole = timm.create_model(settings["name"], **settings["kwargs"]).eval()
    channels, rows, columns = backbone.feature_shape((64, 64))
    assert backbone(images).shape == (2, channels, rows, columns)
    assert channels == whole.num_features
    assert (rows, columns) == ((4, 4) if settings is VIT else (8, 8))


def test_a_local_checkpoint_of_the_whole_transformer_fills_the_cut_one(settings, tmp_path):
    torch.manual_seed(1)
    whole = timm.create_model(settings["name"], **settings["kwargs"]).eval()
    torch.save(whole.state_dict(), tmp_path / "whole.pth")
    images = torch.randn(1, 3, 64, 64)
    cut = Backbone(**settings, checkpoint=str(tmp_path / "whole.pth")).eval()
    expected = whole.forward_intermediates(images, indices=1, intermediates_only=True)[-1]
    torch.testing.assert_close(cut(images), expected)


def test_ersm_over_a_transformer_trains(settings):
    """Every part gets a gradient in a step; the mask sees the tokens of the grid."""
    torch.manual_seed(0)
    model = ERSMClassifier(
        num_classes=3, image_size=(64, 64), backbone=settings, freeze_backbone=False, variant="v"
    )
    before = {name: value.clone() for name, value in model.state_dict().items()}
    items = [{"image": torch.randn(3, 64, 64), "label": torch.tensor(i % 3)} for i in range(4)]
    trainer = pl.Trainer(
        max_steps=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, DataLoader(items, batch_size=4))
    moved = {
        name.partition(".")[0]
        for name, value in model.state_dict().items()
        if value.is_floating_point() and not torch.equal(value, before[name])
    }
    assert {"backbone", "mask", "head"} <= moved
    assert model.grid_size == ((4, 4) if settings is VIT else (8, 8))


def test_a_model_for_images_of_another_size_is_one_line():
    backbone = Backbone("vit_tiny_patch16_224", kwargs={"depth": 1})
    assert backbone.feature_shape((224, 224)) == (192, 14, 14)
    with pytest.raises(UserError, match=r"takes no images of 64x64 pixels .*kwargs.img_size=64") as caught:
        backbone.feature_shape((64, 64))
    assert "\n" not in str(caught.value)


def test_features_that_are_no_maps_are_one_line(monkeypatch):
    backbone = Backbone("resnet10t")
    monkeypatch.setattr(backbone.net, "forward", lambda images: [torch.zeros(1, 5, 7)])
    with pytest.raises(UserError, match=r"features \(1, 5, 7\) that are no \(B, C, H, W\)"):
        backbone.feature_shape((64, 64))
