"""SLEM under the shared trainer: what a run leaves, and that an evaluation months later finds the same."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.papers.slem import EntropyLearner, entropy_points, spatial_learning_entropy
from ersm_lab.papers.slem.suites.maps.suite import shannon_entropy
from ersm_lab.papers.slem.suites.points.truth import against_truth, edge_auroc
from ersm_lab.papers.slem.suites.subject import STAND_INS, stand_in_note
from ersm_lab.plan.planner import Planner
from ersm_lab.training.evaluate import evaluate_runs
from ersm_lab.training.run import train

SMALL = [
    "experiment=slem/structures",
    "data.options={size: 32, count: 1, noise: 0.02, seed: 0}",
    "model.hidden=[4]",
    "model.memory=8",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.progress=none",
    "logger=csv",
    "evaluation.panels=2",
]


def run(*overrides):
    experiment = compose_experiment([*SMALL, *overrides])
    cell = Planner().plan(experiment)
    return train(cell.experiment, cell.identity)


def test_what_a_run_leaves(lab):
    """Breaks when the trainer's maps are not those of ``spatial_learning_entropy``, or a table or figure is missing."""
    found = run("evaluation.arrays=3", "seed=2")
    store, summary = found.artifacts, found.record.summary
    names = {entry.name for entry in store.entries()}
    assert {"pictures", "epochs", "panels", "pipeline", "shannon", "points", "point_scores"} <= names
    assert sum(name.startswith("maps_") for name in names) == 3
    assert found.record.parameters == 24 * 4 + 4 + 4 + 1
    from PIL import Image

    picture = np.asarray(Image.open(lab / "data" / "structures" / "circles" / "00.png"))
    alone = spatial_learning_entropy(picture, hidden=4, memory=8, epochs=2, seed=2)
    with np.load(store.path / "maps_circles_00.npz") as maps:
        np.testing.assert_array_equal(maps["entropy"], alone.entropy)
        np.testing.assert_array_equal(maps["error"], alone.error)
    png = np.asarray(Image.open(store.path / "map_circles_00_e2.png"))
    assert png.dtype == np.uint16
    np.testing.assert_allclose(png[2:-2, 2:-2] / 65535 * alone.entropy[1].max(), alone.entropy[1], atol=1e-5)
    rows = store.read_table("pictures").set_index("name")
    assert rows.loc["circles/00", "activity_total"] == pytest.approx(alone.activity[0].sum(), rel=1e-4)
    points = store.read_table("points").query("picture == 'circles/00' and source == 'entropy'")
    expected = entropy_points(alone.entropy[0], 5, 0.98, 2)
    np.testing.assert_array_equal(points[["row", "column"]], expected)
    assert summary["test/pictures"] == 6
    assert summary["test/error"] == pytest.approx(
        store.read_table("epochs").query("epoch == 2")["error"].mean()
    )
    history = pd.read_csv(found.metrics_path)
    assert history["train/error"].iloc[-1] == pytest.approx(summary["test/error"], rel=1e-4)


def test_an_evaluation_later_learns_the_same_maps_again(lab):
    """Breaks when a checkpoint forgets how long a picture was learnt, or maps are not those of the run."""
    kept, forgotten = run(), run("model.keep_mib=0", "model.workers=1", "model.variant=other")
    assert kept.record.summary == forgotten.record.summary
    folders = [str(kept.path), str(forgotten.path)]
    found, comparison = evaluate_runs(folders, compose_experiment(["logger=csv"]).config, [])
    assert found[0][1] == kept.record.summary
    assert (comparison / "artifacts" / "means.csv").is_file()


def test_a_run_that_ends_within_an_epoch_shows_what_it_learnt(lab):
    """Breaks when steps are not counted, which would go on for ever, or pictures without a sweep are shown."""
    found = run("trainer.max_steps=1", "data.batch_size=4")
    assert found.record.summary["test/pictures"] == 4
    assert (found.path / "artifacts" / "panels.png").is_file()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.learning_rate=500"], "/00: the learner diverges at row"),
        (["model.memory=2000"], "memory is 2000"),
        (["evaluation.points.epoch=3"], "was learnt for 2 epochs"),
        (["model=ersm/baseline", "evaluation=classification"], "has no labels"),
        (["trainer.ema_decay=0.9"], "leave trainer.ema_decay=null"),
        (["data.names=[circles/00,circle/01]"], "'data.names' holds 'circle/01'"),
        (["data.crop=40"], "'data.crop' is 40, but"),
    ],
)
def test_what_cannot_be_learnt_is_one_line(lab, overrides, words):
    words_given = [word for word in SMALL if not any("ersm" in o for o in overrides) or "model." not in word]
    experiment = compose_experiment([*words_given, *overrides])
    cell = Planner().plan(experiment)
    with pytest.raises(UserError) as caught:
        train(cell.experiment, cell.identity)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_data_that_come_as_classes_are_refused_before_anything_is_learnt():
    with pytest.raises(UserError, match="SLEM learns single pictures"):
        EntropyLearner(num_classes=10, image_size=(16, 16))


def test_points_against_truth_by_brute_force():
    """Breaks when near is not a disk, or precision and recall change places."""
    generator = np.random.default_rng(0)
    edges = generator.random((20, 25)) < 0.05
    corners = generator.uniform(0, 19, (7, 2))
    points = generator.integers(0, 20, (30, 2)).astype(float)
    found = against_truth(points, edges, corners, 1.5)

    def near(some, others):
        return np.mean([any(np.hypot(*(a - b)) <= 1.5 for b in others) for a in some])

    there = np.argwhere(edges).astype(float)
    expected = [near(points, there), near(there, points), near(points, corners), near(corners, points)]
    names = ("edge_precision", "edge_recall", "corner_precision", "corner_recall")
    assert [found[name] for name in names] == pytest.approx(expected)
    nothing = against_truth(points, np.zeros_like(edges), np.zeros((0, 2)), 1.5)
    assert all(np.isnan(value) for value in nothing.values())


def test_the_area_under_the_curve_by_pairs():
    """Breaks when ties do not count half, or pixels beside an edge count as missed."""
    generator = np.random.default_rng(1)
    edges = np.zeros((12, 12), bool)
    edges[4] = True
    valid = np.ones_like(edges)
    valid[:2] = False
    score = generator.integers(0, 4, edges.shape).astype(float)
    on = [score[r, c] for r, c in np.ndindex(12, 12) if edges[r, c] and valid[r, c]]
    off = [score[r, c] for r, c in np.ndindex(12, 12) if abs(r - 4) > 3 and valid[r, c]]
    pairs = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(on, off)]
    assert edge_auroc(score, edges, 3, valid) == pytest.approx(np.mean(pairs))
    assert np.isnan(edge_auroc(score, np.zeros_like(edges), 3, valid))


def test_shannon_entropy_of_known_histograms():
    """Breaks when levels are counted otherwise than in 256 steps, or in nats."""
    levels = np.arange(256).reshape(16, 16) / 255
    assert shannon_entropy(levels) == pytest.approx(8)
    assert shannon_entropy(np.full((5, 5), 0.3)) == 0
    assert shannon_entropy(np.kron([[0.0, 1.0]], np.ones((4, 4)))) == pytest.approx(1)


def test_photographs_say_what_they_stand_in_for():
    class Named:
        def __init__(self, name):
            self.name = name

    assert all(name in stand_in_note([Named("brick")]) for name in STAND_INS)
    assert stand_in_note([Named("camera")]) == ""
