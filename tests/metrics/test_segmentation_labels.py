"""Label tables against the official one, and scores of one confusion matrix."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ersm_lab.core.errors import UserError
from ersm_lab.metrics.segmentation import SegmentationScores, confusion_matrix, iou
from ersm_lab.vision.camvid import CAMVID
from ersm_lab.vision.cityscapes import CITYSCAPES


def test_the_cityscapes_table_is_the_official_one():
    """Breaks when an id, a trainId, a category or a colour is mistyped."""
    official = pytest.importorskip("cityscapesscripts.helpers.labels").labels
    rows = [label for label in official if label.id >= 0]
    assert len(rows) == len(CITYSCAPES.labels)
    for ours, theirs in zip(CITYSCAPES.labels, rows, strict=True):
        assert ours.id == theirs.id
        assert ours.name == theirs.name
        assert ours.train_id == (255 if theirs.ignoreInEval else theirs.trainId)
        assert ours.ignored == theirs.ignoreInEval
        assert ours.category == theirs.category
        assert ours.has_instances == theirs.hasInstances
        assert ours.colour == theirs.color


def test_instance_sizes_are_the_evaluators(monkeypatch, tmp_path):
    monkeypatch.setenv("CITYSCAPES_DATASET", str(tmp_path))
    monkeypatch.setenv("CITYSCAPES_EXPORT_DIR", str(tmp_path))
    evaluator = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    sizes = {
        name: size for name, size in evaluator.args.avgClassSize.items() if name not in ("caravan", "trailer")
    }
    assert dict(CITYSCAPES.instance_size) == sizes


@pytest.mark.parametrize("table", [CITYSCAPES, CAMVID])
def test_ids_go_there_and_back(table):
    count = len(table.classes)
    train = np.arange(count, dtype=np.uint8).reshape(1, -1)
    assert (table.train_ids(table.label_ids(train)) == train).all()
    assert set(table.thin) <= set(table.class_names)
    assert (table.train_palette[:count] == [label.colour for label in table.classes]).all()
    ignored = [label.id for label in table.labels if label.ignored]
    assert (table.train_ids(np.array(ignored)) == 255).all()


def test_files_of_train_ids_are_recognised():
    """255 is no labelId: such a file was made for training, and mapping it again would shift every class."""
    with pytest.raises(UserError, match=r"town\.png holds labels \[255\].*trainId files hold"):
        CITYSCAPES.train_ids(np.array([[0, 18, 255]]), "town.png")
    with pytest.raises(UserError, match=r"holds labels \[12, 200\], which CamVid lacks$"):
        CAMVID.train_ids(np.array([[0, 12, 200]]))


def test_confusion_matrix_counts_every_pair():
    rng = np.random.default_rng(0)
    truth, prediction = rng.integers(0, 6, (3, 9, 11)), rng.integers(0, 5, (3, 9, 11))
    truth[truth == 5] = 255
    expected = np.zeros((5, 5), dtype=int)
    for t, p in zip(truth.ravel(), prediction.ravel(), strict=True):
        if t != 255:
            expected[t, p] += 1
    found = confusion_matrix(torch.from_numpy(prediction), torch.from_numpy(truth), 5)
    assert found.tolist() == expected.tolist()
    many = confusion_matrix(torch.full((1, 2, 2), 199), torch.full((1, 2, 2), 199, dtype=torch.uint8), 200)
    assert many[199, 199] == many.sum() == 4  # more pairs than 16 bits number


def test_scores_are_of_the_whole_set_and_leave_absent_classes_out():
    """Breaks when IoU is averaged per image, or an absent class counts as 0."""
    truth = torch.tensor([[[0, 0, 0, 0]], [[0, 1, 1, 255]]])
    prediction = torch.tensor([[[0, 0, 0, 1]], [[1, 1, 1, 2]]])
    scores = SegmentationScores(4, thin=[1, 3])
    for i in range(2):
        scores.update(prediction[i : i + 1], truth[i : i + 1])
    found = scores.compute()
    assert found["iou"][:2].tolist() == [3 / 5, 2 / 4]
    assert found["iou"][2:].isnan().all()
    assert float(found["miou"]) == pytest.approx((3 / 5 + 2 / 4) / 2)
    assert float(found["thin_miou"]) == 2 / 4
    assert float(found["pixel_accuracy"]) == 5 / 7
    assert float(found["mean_accuracy"]) == pytest.approx((3 / 5 + 1) / 2)
    assert math.isnan(float(SegmentationScores(2).compute()["miou"]))
    assert iou(torch.zeros(2, 2)).isnan().all()


def test_unknown_labels_name_the_file():
    truth = torch.zeros(2, 3, 3, dtype=torch.int64)
    truth[1, 0, 0] = 7
    with pytest.raises(UserError, match=r"second\.png holds labels \[7\]; allowed are 0 to 4 and 255"):
        SegmentationScores(5).update(torch.zeros_like(truth), truth, ["first.png", "second.png"])
    with pytest.raises(UserError, match="image 1 of the batch holds predictions"):
        SegmentationScores(5).update(truth, torch.zeros_like(truth))
    with pytest.raises(UserError, match="do not fit"):
        SegmentationScores(5).update(truth[:, :2], truth)
