"""The street scores against the official evaluator itself, on label files in Cityscapes' own layout."""

from __future__ import annotations

import contextlib
import importlib
import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from ersm_lab.core.errors import UserError
from ersm_lab.metrics.cityscapes_scores import CityscapesScores
from ersm_lab.metrics.street_scores import class_table, picture_scores
from ersm_lab.vision.camvid import CAMVID
from ersm_lab.vision.cityscapes import CITYSCAPES

SIZE = (48, 80)


def street(rng, labels):
    """A truth of rectangles, its instances, and a prediction that is shifted and spoiled; all of ``SIZE``."""
    truth = np.full(SIZE, rng.choice(labels), dtype=np.uint8)
    instances = truth.astype(np.uint16)
    for number in range(25):
        y, x = rng.integers(0, SIZE[0]), rng.integers(0, SIZE[1])
        box = (slice(y, y + rng.integers(1, 20)), slice(x, x + rng.integers(1, 25)))
        label = rng.choice(labels)
        truth[box] = label
        # some of the things are groups, whose id is the label alone
        single = CITYSCAPES.labels[label].has_instances and rng.random() < 0.8
        instances[box] = label * 1000 + number if single else label
    prediction = np.roll(truth, rng.integers(-2, 3, 2), (0, 1))
    spoiled = rng.random(SIZE) < 0.15
    prediction[spoiled] = rng.choice(labels, spoiled.sum())
    return truth, instances, prediction


def write(root, scenes):
    truths, results = root / "gtFine" / "val" / "town", root / "results"
    truths.mkdir(parents=True)
    results.mkdir()
    (root / "evaluationResults").mkdir()
    for i, (truth, instances, prediction) in enumerate(scenes):
        stem = f"town_{i:06d}_000019"
        Image.fromarray(truth).save(truths / f"{stem}_gtFine_labelIds.png")
        Image.fromarray(instances).save(truths / f"{stem}_gtFine_instanceIds.png")
        Image.fromarray(prediction).save(results / f"{stem}.png")


def official(root, monkeypatch):
    """What the evaluator's own main routine returns for the files below ``root``."""
    monkeypatch.setenv("CITYSCAPES_DATASET", str(root))
    monkeypatch.setenv("CITYSCAPES_RESULTS", str(root / "results"))
    monkeypatch.setenv("CITYSCAPES_EXPORT_DIR", str(root / "evaluationResults"))
    if not hasattr(np, "in1d"):  # removed in numpy 2.4, which the evaluator does not know yet
        monkeypatch.setattr(np, "in1d", lambda a, b, **kw: np.isin(np.ravel(a), b, **kw), raising=False)
    evaluator = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    evaluator = importlib.reload(evaluator)  # it reads the environment when it is imported
    evaluator.args.quiet = True
    truths = sorted((root / "gtFine" / "val").glob("*/*_labelIds.png"))
    predictions = [evaluator.getPrediction(evaluator.args, str(path)) for path in truths]
    with contextlib.redirect_stdout(io.StringIO()):
        return evaluator.evaluateImgLists(predictions, [str(path) for path in truths], evaluator.args)


def ours(scenes, batch=2, **settings):
    scores = CityscapesScores(**settings)
    for start in range(0, len(scenes), batch):
        truth, instances, prediction = (
            torch.from_numpy(np.stack(maps).astype(np.int32))
            for maps in zip(*scenes[start : start + batch], strict=True)
        )
        scores.update(prediction, truth, instances)
    return {name: float(value) for name, value in scores.compute().items()}


def same(found, expected):
    return (math.isnan(found) and math.isnan(expected)) or abs(found - expected) <= 1e-9


@pytest.mark.parametrize(
    "labels",
    [range(34), [0, 7, 8, 11, 17, 21, 23, 24, 26, 29, 33], [3, 7, 26, 30]],
    ids=["all labels", "some absent", "one category with things that are not evaluated"],
)
def test_parity_with_the_official_evaluator(tmp_path, monkeypatch, labels):
    """Breaks when a rule for ignored rows, predicted void, absent classes, categories or instances differs from the evaluator's."""
    rng = np.random.default_rng(len(labels))
    scenes = [street(rng, list(labels)) for _ in range(5)]
    write(tmp_path, scenes)
    theirs = official(tmp_path, monkeypatch)
    found = ours(scenes)
    pairs = {
        "averageScoreClasses": "miou",
        "averageScoreInstClasses": "iiou",
        "averageScoreCategories": "category_iou",
        "averageScoreInstCategories": "category_iiou",
    }
    for key, name in pairs.items():
        assert same(found[name], theirs[key]), (name, found[name], theirs[key])
    tables = {
        "classScores": "iou",
        "classInstScores": "iiou",
        "categoryScores": "category_iou",
        "categoryInstScores": "category_iiou",
    }
    compared = 0
    for key, prefix in tables.items():
        for name, value in theirs[key].items():
            mine = found.get(f"{prefix}/{name}", math.nan)
            assert same(mine, value), (prefix, name, mine, value)
            compared += not math.isnan(value)
    assert compared >= 2 * len([label for label in labels if not CITYSCAPES.labels[label].ignored]) // 2


def test_train_ids_give_the_same_as_label_ids():
    """Breaks when trainIds are mapped wrongly; void is 255 there and predictions are classes only."""
    rng = np.random.default_rng(3)
    truth, _, prediction = street(rng, list(range(34)))
    prediction[CITYSCAPES.to_train[prediction] == 255] = 7
    labels = CityscapesScores()
    labels.update(torch.from_numpy(prediction)[None], torch.from_numpy(truth)[None])
    train = CityscapesScores(ids="train")
    as_train = [torch.from_numpy(CITYSCAPES.train_ids(ids))[None] for ids in (prediction, truth)]
    train.update(*as_train)
    first, second = labels.compute(), train.compute()
    assert first.keys() == second.keys()
    torch.testing.assert_close(first, second, rtol=1e-12, atol=0, equal_nan=True)


def test_a_perfect_prediction_scores_one_everywhere():
    """Breaks when ignored pixels count, or when a border of a perfect prediction goes unmatched."""
    rng = np.random.default_rng(4)
    scenes = [street(rng, list(range(34))) for _ in range(3)]
    found = ours([(truth, instances, truth) for truth, instances, _ in scenes])
    assert {
        name: value for name, value in found.items() if not (math.isnan(value) or abs(value - 1) < 1e-12)
    } == {}
    assert len(found) > 150


@pytest.mark.parametrize("boundaries", [True, False])
def test_kept_counts_and_scores_are_those_of_each_picture(boundaries):
    """Breaks when a picture's scores depend on those before it, or when its counts are not what the sums are made of."""
    rng = np.random.default_rng(6)
    maps = [
        tuple(torch.from_numpy(x.astype(np.int32))[None] for x in street(rng, list(range(34))))
        for _ in range(3)
    ]
    together = CityscapesScores(boundaries=boundaries, per_sample=True)
    for truth, _, prediction in maps:
        together.update(prediction, truth)
    kept = together.samples()
    assert (kept["confusion"].sum(0) == together.confusion).all()
    assert (kept["band"].sum(0) == together.band).all()
    for i, (truth, _, prediction) in enumerate(maps):
        alone = CityscapesScores(boundaries=boundaries)
        alone.update(prediction, truth)
        assert (kept["confusion"][i] == alone.confusion).all()
        band = kept["band"][i] if boundaries else None
        found, expected = picture_scores(kept["confusion"][i], band, CITYSCAPES), alone.compute()
        assert {"miou", "pixel_accuracy", "thin_iou"} <= found.keys()
        assert ("boundary_iou" in found) is boundaries
        assert found == {name: float(expected[name]) for name in found}


def test_absent_classes_are_left_out():
    truth = torch.full((1, 8, 8), 7)
    truth[:, :, 4:] = 11
    scores = CityscapesScores()
    scores.update(truth.clone(), truth)
    found = scores.compute()
    assert float(found["miou"]) == 1
    assert float(found["boundary_iou"]) == 1
    assert math.isnan(found["iou/car"])
    assert math.isnan(found["thin_iou"])
    assert "iiou" not in found


def test_camvid_has_no_categories_but_thin_structures():
    rng = np.random.default_rng(5)
    truth = torch.from_numpy(rng.integers(0, 12, (2, 30, 40)))
    prediction = torch.from_numpy(rng.integers(0, 11, (2, 30, 40)))
    scores = CityscapesScores(CAMVID)
    scores.update(prediction, truth)
    found = scores.compute()
    assert not any(key.startswith("category") for key in found)
    thin = [
        float(found[f"iou/{name}"]) for name in ("Pole", "SignSymbol", "Fence", "Pedestrian", "Bicyclist")
    ]
    assert float(found["thin_iou"]) == pytest.approx(sum(thin) / 5)
    rows = class_table(found, CAMVID)
    assert [row["class"] for row in rows if row["thin"]] == [
        "Pole",
        "SignSymbol",
        "Fence",
        "Pedestrian",
        "Bicyclist",
    ]
    assert rows[2]["iou"] == thin[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target": 40}, "b.png holds labels [40]"),
        ({"prediction": 34}, "b.png holds predictions [34]"),
        ({"instances": 40_001}, "b.png holds the instance 40001"),
        ({"size": 9}, "do not fit"),
    ],
)
def test_bad_maps_end_in_one_line_that_names_the_file(change, said):
    truth, prediction, instances = (torch.full((2, 10, 10), 26) for _ in range(3))
    for name, maps in (("target", truth), ("prediction", prediction), ("instances", instances)):
        maps[1, 3, 4] = change.get(name, 26)
    prediction = prediction[:, : change.get("size", 10)]
    with pytest.raises(UserError) as error:
        CityscapesScores().update(prediction, truth, instances, ["a.png", "b.png"])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_instances_of_some_images_only_are_refused():
    scores = CityscapesScores(boundaries=False)
    truth = torch.full((1, 4, 4), 26)
    scores.update(truth, truth, truth * 1000 + 1)
    scores.update(truth, truth)
    with pytest.raises(UserError, match="1 of 2 have none"):
        scores.compute()
