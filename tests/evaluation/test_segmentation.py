"""Segmentation runs end to end on toy streets: scores against the official evaluator, inference, overlays, comparisons."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from ersm_lab.cli import main
from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.data.layouts import read_layout
from ersm_lab.evaluation.arms import Arms, Member
from ersm_lab.evaluation.runner import Runner
from ersm_lab.evaluation.segmenters.differences import differences
from ersm_lab.evaluation.segmenters.inference import Segmenter, windows
from ersm_lab.evaluation.segmenters.overlays import error_picture
from ersm_lab.evaluation.segmenters.prediction_folder import find_predictions, score_folder
from ersm_lab.evaluation.segmenters.settings import InferenceConfig
from ersm_lab.evaluation.segmenters.sums import scores_of_sums
from ersm_lab.metrics.cityscapes_scores import CityscapesScores
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.training.run import train
from ersm_lab.vision.cityscapes import CITYSCAPES
from tests.metrics.test_segmentation_cityscapes import official

TOY = [
    "experiment=fornet/toy_streets",
    "data.options.height=64",
    "data.options.width=128",
    "data.options.train=8",
    "data.options.val=5",
    "data.transform.crop=[48,96]",
    "data.batch_size=4",
    "data.eval_batch_size=2",
    "model.backbone.kwargs.channels=[4,8,8,8]",
    "model.head.channels=8",
    "model.head.low_project=4",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "trainer.threads=1",
    "trainer.progress=none",
    "logger=csv",
    "evaluation.panels=2",
]


def run_of(*overrides):
    cell = Planner().plan(compose_experiment([*TOY, *overrides]))
    return train(cell.experiment, cell.identity)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """FoR-Net with an export, and its control."""
    folder = tmp_path_factory.mktemp("segmentation")
    paths = [f"paths.{name}={folder / name}" for name in ("data", "outputs", "cache")]
    found = {
        (variant, seed): run_of(f"model=fornet/{variant}", f"seed={seed}", *more, *paths)
        for variant, more in (("fornet", ["evaluation.export=cityscapes"]), ("fornet_k1", []))
        for seed in (0,)
    }
    return SimpleNamespace(folder=folder, paths=paths, found=found)


def test_a_run_leaves_everything(runs):
    run = runs.found["fornet", 0]
    names = {entry.name for entry in run.artifacts.entries()}
    assert names >= {
        "classes",
        "images",
        "importance",
        "coverage",
        "seams",
        "cost",
        "counts",
        "borders",
        "overlays",
        "export",
    }
    summary = run.record.summary
    assert summary["val/images"] == 5
    assert summary["cost/parameters"] == run.record.parameters
    assert summary["cost/multiply_adds"] > 0
    assert summary["cost/memory_mib"] > 0
    images = run.artifacts.read_table("images")
    assert list(images["miou"]) == sorted(images["miou"])
    assert set(images["name"]) == {f"nussdorf_{i:06d}_000019" for i in range(5)}
    control = {entry.name for entry in runs.found["fornet_k1", 0].artifacts.entries()}
    assert "seams" not in control
    assert "coverage" not in control


def test_scores_are_those_of_the_official_evaluator_on_the_exported_files(runs, tmp_path, monkeypatch):
    """The evaluator reads the run's own export: breaks when names, sizes, ids or the mapping of either are off."""
    run = runs.found["fornet", 0]
    (tmp_path / "results").symlink_to(run.artifacts.path / "export")
    (tmp_path / "gtFine").symlink_to(runs.folder / "data" / "toy_streets" / "gtFine")
    (tmp_path / "evaluationResults").mkdir()
    theirs = official(tmp_path, monkeypatch)
    summary = run.record.summary
    for ours, key in (
        ("miou", "averageScoreClasses"),
        ("category_iou", "averageScoreCategories"),
        ("iiou", "averageScoreInstClasses"),
        ("category_iiou", "averageScoreInstCategories"),
    ):
        assert summary[f"val/{ours}"] == pytest.approx(theirs[key], abs=1e-9), ours


def test_export_on_the_command_line_changes_only_that(runs, capsys):
    """``export=cityscapes`` on a finished run: labelId pictures at full size, and the run's own settings otherwise (2 panels)."""
    run = runs.found["fornet_k1", 0]
    assert (
        main(["evaluate", f"run={run.path}", "export=cityscapes", "evaluation.seams=false", *runs.paths]) == 0
    )
    folder = capsys.readouterr().out.rpartition("evaluation: ")[2].strip()
    spec = json.loads((Path(folder) / "evaluation.json").read_text())["spec"]["evaluation"]
    assert spec == {**run.config["evaluation"], "export": "cityscapes", "seams": False}
    pictures = sorted((Path(folder) / "artifacts" / "export").iterdir())
    assert [path.name for path in pictures] == [f"nussdorf_{i:06d}_000019.png" for i in range(5)]
    pixels = np.asarray(Image.open(pictures[0]))
    assert pixels.shape == (64, 128)
    assert set(np.unique(pixels)) <= {label.id for label in CITYSCAPES.classes}


def test_the_command_scores_the_same_folder(runs, capsys):
    run = runs.found["fornet", 0]
    options = [
        f"data.options.{key}={value}"
        for key, value in (("height", 64), ("width", 128), ("train", 8), ("val", 5))
    ]
    words = [
        "evaluate",
        f"predictions={run.artifacts.path / 'export'}",
        "data=toy_streets",
        *options,
        *runs.paths,
    ]
    assert main(words) == 0
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("val/"))
    assert float(printed["val/miou"]) == pytest.approx(run.record.summary["val/miou"], rel=1e-5)
    assert float(printed["val/iiou"]) == pytest.approx(run.record.summary["val/iiou"], rel=1e-5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: next(folder.glob("*000002*")).unlink(),
            r"has no prediction nussdorf_000002_000019\*\.png",
        ),
        (
            lambda folder: (folder / "nussdorf_000002_000019_b.png").write_bytes(
                next(folder.glob("*000002*")).read_bytes()
            ),
            "two predictions for one picture",
        ),
        (
            lambda folder: Image.new("L", (64, 64)).save(next(folder.glob("*000002*"))),
            "64x64 pixels, but its labels 128x64",
        ),
        (
            lambda folder: Image.new("L", (128, 64), 255).save(next(folder.glob("*000002*"))),
            "labels .255., which Cityscapes lacks; 255 is what trainId",
        ),
    ],
)
def test_prediction_folders_that_are_wrong(runs, tmp_path, spoil, message):
    for path in (runs.found["fornet", 0].artifacts.path / "export").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    split = read_layout(
        "toy_streets",
        runs.folder / "data" / "toy_streets",
        {"height": 64, "width": 128, "train": 8, "val": 5},
    ).val
    assert len(find_predictions(tmp_path, split)) == 5
    spoil(tmp_path)
    with pytest.raises(UserError, match=message):
        score_folder(tmp_path, split)


def test_evaluating_again_gives_the_same_numbers_and_pairs_the_seam_test(runs, capsys):
    folders = ",".join(str(run.path) for run in runs.found.values())
    assert main(["evaluate", f"run={folders}", *runs.paths]) == 0
    comparison = capsys.readouterr().out.rpartition("comparison: ")[2].strip()
    for (variant, _), run in runs.found.items():
        again = json.loads(next(run.path.glob("evaluations/*/evaluation.json")).read_text())["summary"]
        for key, value in run.record.summary.items():
            if not key.startswith("cost/") and value is not None:
                assert again[key] == pytest.approx(value, rel=1e-6), key
        assert ("val/seam_excess_over_control" in again) is (variant == "fornet")
    frame = pd.read_csv(f"{comparison}/artifacts/differences.csv")
    row = frame[(frame["measure"] == "miou") & (frame["arm"] == "fornet")].iloc[0]
    mean = {
        arm: np.mean([run.record.summary["val/miou"] for (name, _), run in runs.found.items() if name == arm])
        for arm in ("fornet", "fornet_k1")
    }
    assert row["against"] == "fornet_k1"
    assert row["estimate"] == pytest.approx(mean["fornet"] - mean["fornet_k1"], abs=1e-9)
    assert (row["n_images"], row["n_seeds"]) == (5, 1)
    for name in ("boundary_iou", "thin_boundary_iou"):
        row = frame[(frame["measure"] == name) & (frame["arm"] == "fornet")].iloc[0]
        mean = [
            np.mean(
                [run.record.summary[f"val/{name}"] for (arm, _), run in runs.found.items() if arm == which]
            )
            for which in ("fornet", "fornet_k1")
        ]
        assert row["estimate"] == pytest.approx(mean[0] - mean[1], abs=1e-9)
    assert "seam_excess" in set(frame["measure"])


def test_export_of_other_labels_is_refused(lab):
    from tests import small_data

    small_data.camvid(lab / "data")
    words = [word for word in TOY if "options" not in word and not word.startswith("experiment")]
    more = ["evaluation.export=cityscapes", "data.num_workers=0", "data.transform.resize=[45,60]"]
    cell = Planner().plan(compose_experiment(["experiment=fornet/camvid_small", *words, *more]))
    with pytest.raises(UserError, match="export=cityscapes needs Cityscapes' labels"):
        train(cell.experiment, cell.identity)


class Fixed(nn.Module):
    """Logits that follow from each pixel alone, so that every way of inference must agree away from the edges of windows."""

    def segment(self, images):
        logits = torch.cat([images.sum(1, keepdim=True), -images[:, :1], images[:, 1:2] ** 2], 1)
        return SimpleNamespace(logits=logits, importance_logit=images[:, :1], masks=[])


def settings(**changes):
    return InferenceConfig(**{"window": [8, 8], "stride": 0.6, **changes})


def test_every_way_of_inference_agrees_where_it_must():
    """A network without context: windows and mirrors change nothing. Breaks when pixels are counted twice or not mirrored back."""
    torch.manual_seed(0)
    images = torch.randn(2, 3, 20, 27)
    runner = Runner(Fixed(), torch.device("cpu"))
    whole = Segmenter(runner, settings())(images)
    assert torch.allclose(whole.probability.sum(1), torch.ones(2, 20, 27))
    assert whole.importance is not None
    for changes in ({"mode": "slide"}, {"flip": True}, {"mode": "slide", "flip": True, "window": [64, 5]}):
        found = Segmenter(runner, settings(**changes))(images)
        assert torch.allclose(found.probability, whole.probability, atol=1e-6)
    assert Segmenter(runner, settings(mode="slide"))(images).importance is None


def test_scales_are_averaged_as_probabilities():
    torch.manual_seed(0)
    images = torch.randn(1, 3, 16, 16)
    runner = Runner(Fixed(), torch.device("cpu"))
    parts = [Segmenter(runner, settings(scales=[scale]))(images).probability for scale in (0.5, 1.0, 2.0)]
    both = Segmenter(runner, settings(scales=[0.5, 1.0, 2.0]))(images).probability
    assert torch.allclose(both, torch.stack(parts).mean(0), atol=1e-6)
    resized = Segmenter(runner, settings(scales=[0.5, 2.0]))
    assert not resized.sees_whole_pictures
    assert resized(images).importance is None


@pytest.mark.parametrize("size", [(20, 33), (8, 8), (5, 40)])
@pytest.mark.parametrize("stride", [0.3, 0.667, 1.0])
def test_windows_cover_every_pixel(size, stride):
    """Each a full window where the picture allows it, none further apart than the stride."""
    seen = np.zeros(size, int)
    tops = set()
    for rows, columns in windows(size, (8, 8), stride):
        assert rows.stop - rows.start == min(8, size[0])
        assert columns.stop - columns.start == min(8, size[1])
        seen[rows, columns] += 1
        tops.add(rows.start)
    assert seen.min() >= 1
    gaps = np.diff(sorted(tops))
    assert (gaps <= max(1, round(8 * stride)) + 1).all()


def test_error_picture():
    image = np.zeros((1, 3, 3), np.uint8)
    found = error_picture(image, np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 0]], np.uint8))
    assert found[0, 0].tolist() == [110, 110, 110]
    assert found[0, 1].tolist() != [110, 110, 110]
    assert found[0, 2].tolist() == [255, 255, 255]


def members(folder, **counts):
    """Evaluated runs by arm: a confusion matrix per picture each, or none where None is given."""
    found = []
    for arm, confusion in counts.items():
        store = ArtifactStore(folder / arm)
        if confusion is not None:
            store.array("counts", confusion=confusion, band=confusion[:, :3])
        found.append(Member(arm, 0, SimpleNamespace(artifacts=store)))
    return Arms(found)


def test_differences_are_of_the_same_pictures(tmp_path):
    """Breaks when pictures of one run are paired with others of another run, or a run without counts ends in a traceback."""
    labels = len(CITYSCAPES.labels)
    confusion = np.random.default_rng(0).integers(0, 9, (4, labels, labels))
    frame = differences(members(tmp_path / "a", first=confusion, second=confusion[::-1]), CITYSCAPES)
    assert list(frame["measure"]) == ["miou", "boundary_iou", "thin_iou", "thin_boundary_iou"]
    assert frame["estimate"].abs().max() == 0
    assert not len(differences(members(tmp_path / "b", first=confusion, second=None), CITYSCAPES))
    with pytest.raises(UserError, match="evaluated on different images"):
        differences(members(tmp_path / "c", first=confusion, second=confusion[:3]), CITYSCAPES)


def test_statistics_of_sums_are_the_metrics():
    """The comparison's own arithmetic against ``CityscapesScores`` on random maps, ignored and absent labels among them."""
    torch.manual_seed(0)
    scores = CityscapesScores(CITYSCAPES)
    for _ in range(2):
        truth = torch.randint(0, 34, (1, 6, 8)).repeat_interleave(6, 1).repeat_interleave(6, 2)
        guess = torch.where(torch.rand(truth.shape) < 0.3, torch.randint(7, 30, truth.shape), truth)
        scores.update(guess, truth)
    found = scores.compute()
    for name, (array, statistic) in scores_of_sums(CITYSCAPES).items():
        sums = getattr(scores, array).double().numpy()[None]
        assert statistic(sums)[0] == pytest.approx(float(found[name]), abs=1e-12), name
