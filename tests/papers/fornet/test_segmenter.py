"""The segmenter under Lightning: learning, scores, learning rates, bad batches, and its configuration."""

from __future__ import annotations

import dataclasses
import inspect
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from ersm_lab.config.targets import check_keywords
from ersm_lab.core.errors import UserError
from ersm_lab.nn.cost import network_cost
from ersm_lab.papers.fornet import FoRNetHead, FoRNetLoss, FoRNetSegmenter, schema

TINY = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}
SMALL = {
    "backbone": {"name": "resnet18", "kwargs": TINY},
    "head": {"channels": 16, "low_project": 8, "dilations": [1, 1, 1, 2]},
    "class_names": ["ground", "pole", "car"],
    "thin_classes": ["pole"],
}
CURVE = Path(__file__).parents[2] / "golden" / "fornet_curve.json"


def segmenter(**changes):
    torch.manual_seed(0)
    optimizer = {
        "_target_": "torch.optim.AdamW",
        "lr": 5e-3,
        "weight_decay": 1e-4,
        "schedule": {"name": "constant"},
    }
    return FoRNetSegmenter(3, (32, 48), optimizer=optimizer, **{**SMALL, **changes})


def scenes(count=8):
    """Ground with a bright pole and a dark box: classes that a few steps can learn."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(count):
        label = np.zeros((32, 48), dtype=np.int64)
        x, y = rng.integers(4, 40), rng.integers(2, 20)
        label[y : y + 10, x : x + 8] = 2
        label[:, (x + 20) % 44 : (x + 20) % 44 + 3] = 1
        image = np.array([0.0, 2.0, -2.0])[label] + rng.normal(0, 0.3, label.shape)
        label[0] = 255
        image = np.stack([image, image * 0.5, -image])
        found.append(
            {
                "image": torch.tensor(image, dtype=torch.float32),
                "label": torch.from_numpy(label),
                "name": f"{i}.png",
            }
        )
    return found


def fit(module, tmp_path, epochs=1, batch_size=4):
    loader = DataLoader(scenes(), batch_size=batch_size)
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=tmp_path,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and logging steps
        trainer.fit(module, loader, DataLoader(scenes(), batch_size=3))
    return trainer


def test_it_learns_and_its_checkpoint_is_plain(tmp_path):
    """Breaks when a term pulls against the others, a score is not logged, or a checkpoint holds more than plain values."""
    module = segmenter()
    with torch.no_grad():
        before = float(module.step(next(iter(DataLoader(scenes(), batch_size=8))))[1]["loss"])
    trainer = fit(module, tmp_path, epochs=15)
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert logged["val/loss"] < 0.5 * before
    assert logged["val/miou"] > 0.6
    assert {"val/pixel_accuracy", "val/thin_miou", "val/ce", "val/dice", "val/selector", "train/loss"} <= set(
        logged
    )
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    state = torch.load(tmp_path / "model.ckpt", weights_only=True)["state_dict"]
    again = segmenter()
    again.load_state_dict(state)
    image = scenes(1)[0]["image"][None]
    assert torch.equal(again.eval()(image), module.eval()(image))


def test_thin_structures_are_those_that_the_data_name():
    """Breaks when a label table of another package decides which scores a training has."""
    assert segmenter().val_scores.thin == [1]
    assert segmenter(thin_classes=[]).val_scores.thin == []  # other data may call a pole thin


def test_validation_scores_are_those_of_the_whole_set(tmp_path):
    """The last batch is smaller than the others: means over batches would differ."""
    module = segmenter()
    logged = fit(module, tmp_path, batch_size=8).callback_metrics
    with torch.no_grad():
        whole = next(iter(DataLoader(scenes(), batch_size=8)))
        prediction = module.eval()(whole["image"]).argmax(1)
    valid = whole["label"] != 255
    values = []
    for c in range(3):
        first, second = (prediction == c) & valid, (whole["label"] == c) & valid
        if (first | second).any():
            values.append(float((first & second).sum() / (first | second).sum()))
    assert float(logged["val/miou"]) == pytest.approx(np.mean(values), rel=1e-5)


def test_the_backbone_has_a_rate_of_its_own(tmp_path):
    module = segmenter(backbone_lr_factor=0.1)
    optimizer = fit(module, tmp_path).optimizers[0]
    inside = {id(p) for p in module.network.backbone.parameters()}
    seen = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            seen += 1
            assert group["lr"] == pytest.approx(5e-4 if id(parameter) in inside else 5e-3)
    assert seen == len(list(module.network.parameters()))


def test_a_baseline_is_one_word(tmp_path):
    """The same loss and trainer on another network; it has no selector term."""
    pytest.importorskip("segmentation_models_pytorch")
    module = segmenter(architecture="fpn", backbone={"name": "resnet18"}, head={})
    logged = fit(module, tmp_path).callback_metrics
    assert float(logged["val/selector"]) == 0
    assert float(logged["val/dice"]) > 0
    assert network_cost(module.network, (64, 64)).parameters == sum(
        p.numel() for p in module.network.parameters()
    )


def test_bad_batches_end_in_one_line():
    module = segmenter()
    batch = next(iter(DataLoader(scenes(), batch_size=2)))
    with pytest.raises(UserError, match=r"labels of \(2, 30, 48\) do not fit .*\(0\.png, 1\.png\)"):
        module.step({**batch, "label": batch["label"][:, :30]})
    wrong = batch["label"].clone()
    wrong[1, 5, 5] = 11
    with pytest.raises(UserError, match=r"1\.png holds labels \[11\]; allowed are 0 to 2 and 255"):
        module.step({**batch, "label": wrong})
    pytest.importorskip("segmentation_models_pytorch")
    single = segmenter(architecture="deeplabv3plus", backbone={"name": "resnet18"}).train()
    with pytest.raises(UserError, match="single value per channel in a training batch of 1"):
        single.step({name: value[:1] for name, value in batch.items()})


@pytest.mark.parametrize(
    ("config", "built"),
    [
        (schema.FoRNetHeadConfig, FoRNetHead),
        (schema.FoRNetLossConfig, FoRNetLoss),
        (schema.FoRNetConfig, FoRNetSegmenter),
    ],
)
def test_the_schema_names_what_is_built(config, built):
    """Breaks when a setting exists in one place only, or with another default."""
    parameters = inspect.signature(built).parameters
    values = {field.name: getattr(config(), field.name) for field in dataclasses.fields(config)}
    values.pop("_target_", None)
    check_keywords(built, values, "model.")
    for name, value in values.items():
        default = parameters[name].default
        if not isinstance(default, (type(None), dict)):
            assert value == default or list(value) == list(default), name


def test_the_schema_builds_and_refuses():
    from omegaconf import OmegaConf

    node = OmegaConf.structured(schema.FoRNetConfig)
    node.head.branches = [0, 5]
    assert "4 branches" in schema.FoRNetHeadConfig.check(node.head)
    node.head.branches = None
    assert schema.FoRNetHeadConfig.check(node.head) is None
    node.head.topk_ratios = [0.5]
    assert "one entry per branch" in schema.FoRNetHeadConfig.check(node.head)
    values = OmegaConf.to_container(OmegaConf.structured(schema.FoRNetConfig))
    values.pop("_target_")
    values["backbone"]["kwargs"] = TINY
    values["head"] = {**values["head"], **SMALL["head"]}
    assert FoRNetSegmenter(3, **values).network.head.topk_ratios == (0.1, 0.2, 0.3, 0.4)


def test_the_control_is_known_by_what_it_sees():
    """Breaks when a baseline without masks, or another network with masks, is taken for the control of the seam test."""
    masked, control = segmenter(), segmenter(head={**SMALL["head"], "selection": "none"})
    assert masked.mask_ratios == (0.1, 0.2, 0.3, 0.4)
    assert control.mask_ratios == ()
    assert control.is_control_of(masked)
    assert not masked.is_control_of(masked)
    assert not control.is_control_of(control)


def test_twenty_steps_follow_the_committed_curve():
    """Breaks when anything in network, loss or optimizer changes what a training does. ``python -m`` this module rewrites it."""
    expected = json.loads(CURVE.read_text())
    np.testing.assert_allclose(curve(), expected, rtol=1e-4)


def curve():
    torch.manual_seed(0)
    module = segmenter().train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    batches = [next(iter(DataLoader(scenes(8)[i : i + 4], batch_size=4))) for i in (0, 4)]
    losses = []
    for step in range(20):
        loss = module.step(batches[step % 2])[1]["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


if __name__ == "__main__":
    CURVE.write_text(json.dumps(curve(), indent=1) + "\n")
