"""The study suites on a few small pictures, through the shared trainer: tables, means that follow from them, figures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ersm_lab.cli import main
from ersm_lab.config.composer import compose_experiment
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.training.run import train

QUICK = [
    "trainer.accelerator=cpu",
    "trainer.threads=1",
    "trainer.progress=none",
    "logger=csv",
    "model.workers=1",
    "model.hidden=[4]",
    "model.memory=10",
]
PICTURES = [
    "data=structures",
    "data.root=structures",
    "data.options={size: 48, count: 1}",
    "evaluation.pictures=3",
]


def run(name: str, *more: str) -> tuple[ArtifactStore, dict]:
    experiment = compose_experiment([f"experiment=slem/{name}", *QUICK, *more])
    cell = Planner().plan(experiment)
    found = train(cell.experiment, cell.identity)
    record = json.loads((found.path / "run.json").read_text())
    return ArtifactStore(found.path / "artifacts"), record["summary"]


def figure_of(store: ArtifactStore, name: str) -> None:
    """A figure with something drawn on it."""
    import matplotlib.image

    pixels = matplotlib.image.imread(store.path / f"{name}.png")
    assert (pixels[..., :3].min(-1) < 0.9).mean() > 0.005


def test_agreement(lab) -> None:
    """Breaks when a summary is of another pair, or pictures are dropped."""
    store, summary = run("agreement", *PICTURES)
    frame = store.read_table("overlaps")
    assert frame["image"].nunique() == summary["test/agreement/pictures"] == 3
    held = frame[(frame["a"] == "entropy") & (frame["b"] == "canny")]["overlap"]
    assert summary["test/agreement/canny/entropy"] == pytest.approx(held.mean())
    maps = store.read_table("correlations")
    held = maps[maps["map"] == "error"]["spearman"]
    assert summary["test/agreement/error/spearman"] == pytest.approx(held.mean())
    assert summary["test/agreement/error/spearman_low"] <= held.mean()
    figure_of(store, "agreement")


def test_repeatability(lab) -> None:
    """Breaks when a change that is switched off is made, or settings are not passed on."""
    changes = [
        "evaluation.noise=[0.02]",
        "evaluation.blur=[]",
        "evaluation.scale=[0.5,2.0]",
        "evaluation.rotation=[]",
    ]
    store, summary = run("repeatability", *PICTURES, *changes, "evaluation.radius=1", "evaluation.share=0.01")
    frame = store.read_table("repeatability")
    assert {change: sorted(part["amount"].unique()) for change, part in frame.groupby("change")} == {
        "noise": [0.02],
        "scale": [0.5, 2.0],
        "brightness": [0.5, 0.75, 1.25, 1.5],
    }
    of = frame[frame["change"] == "scale"].groupby("detector")["repeatability"].mean()
    assert summary["test/repeatability/scale/harris"] == pytest.approx(of["harris"])
    difference = summary["test/repeatability/scale/harris_minus_entropy"]
    assert difference == pytest.approx(of["harris"] - of["entropy"])
    figure_of(store, "repeatability")


def test_dependence(lab) -> None:
    """Breaks when a factor with one value is compared, or chance is taken for a result."""
    factors = [
        "evaluation.seed=[0,1,2]",
        "evaluation.hidden=[4]",
        "evaluation.window_size=[]",
        "evaluation.traversal=[raster,random]",
    ]
    store, summary = run("dependence", *PICTURES, *factors)
    frame = store.read_table("dependence")
    assert set(frame["factor"]) == {"seed", "traversal"}
    held = frame[(frame["factor"] == "seed") & (frame["map"] == "entropy")]
    assert len(held) == 3 * 3
    assert summary["test/dependence/seed/entropy/overlap"] == pytest.approx(held["overlap"].mean())
    assert summary["test/dependence/seed/chance"] == pytest.approx(held["chance"].mean())
    figure_of(store, "dependence")


def test_removal(lab) -> None:
    """Breaks when effects are of another epoch or reference."""
    small = ["evaluation.shares=[0.2]", "evaluation.epochs=3", "evaluation.seeds=2", "evaluation.block=8"]
    store, summary = run("removal", *PICTURES, *small)
    frame = store.read_table("removal")
    last = frame[frame["epoch"] == 3].assign(log=lambda f: np.log(f["mse"])).groupby("arm")["log"].mean()
    found = summary["test/removal/mse/0.2/top_entropy_minus_random"]
    assert found == pytest.approx(last["top_entropy"] - last["random"])
    figure_of(store, "removal")


def test_signature(lab) -> None:
    """Breaks when a split is read for another, or accuracies and predictions differ."""
    small = [
        "evaluation.train=80",
        "evaluation.val=40",
        "evaluation.test=50",
        "evaluation.counts=[2,8]",
        "evaluation.seeds=2",
    ]
    store, summary = run("signature_digits", *small)
    predictions = store.read_table("signature_predictions")
    assert predictions["image"].nunique() == 50
    held = predictions[(predictions["k"] == 8) & (predictions["arm"] == "harris")]["correct"]
    assert summary["test/signature/8/harris"] == pytest.approx(held.mean())
    mine = predictions[(predictions["k"] == 8) & (predictions["arm"] == "entropy")]["correct"]
    assert summary["test/signature/8/entropy_minus_harris"] == pytest.approx(mine.mean() - held.mean())
    assert summary["test/signature/8/all"] > 0.5  # of ten classes: luminance and labels belong together
    figure_of(store, "signature")


def test_what_does_not_fit_is_said_in_one_line(lab, capsys) -> None:
    """Absent data, data without labels for signatures, labelled data for studies of pictures."""
    for words, message in (
        (["experiment=slem/signature_cifar10"], "cifar"),
        (["experiment=slem/signature_digits", *PICTURES[:3]], "labels"),
        (
            ["experiment=slem/agreement", "data=digits_pictures", "trainer.limit_train_batches=1"],
            "photographs",
        ),
        (["experiment=slem/removal", "evaluation.shares=[1.5]"], "below 1"),
        (["experiment=slem/removal", "evaluation.sharse=[0.1]"], "sharse"),
    ):
        assert main(["train", *words, *QUICK]) != 0
        error = capsys.readouterr().err.strip().splitlines()
        assert message in error[-1].lower()
        assert not any("Traceback" in line for line in error)
