"""Suites of classifiers on random pictures: what they ask of a model, and that their numbers are those of the metrics' own core."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import Plugin, load, merged, plugins, suite_spec
from ersm_lab.core.protocols import Classifier, TokenClassifier
from ersm_lab.evaluation.classifiers.deletion import curves
from ersm_lab.evaluation.classifiers.rankings import Ranking, find, importances, roles, shifted, title_of
from ersm_lab.evaluation.classifiers.scene import scene_of
from ersm_lab.metrics.curves import trapezoid_auc
from ersm_lab.metrics.deletion import AREAS, deletion_curve
from ersm_lab.metrics.localisation import energy_inside, mask_auroc, matched_area_iou, pointing_game
from ersm_lab.metrics.pixel_deletion import MODES, pixel_curve
from ersm_lab.metrics.sparsity import effective_share, mask_entropy, mean_keep, share_above
from ersm_lab.papers.ersm import ERSMClassifier
from tests.evaluation.pictures import Pictures, subject_of

TINY = {
    "name": "resnet18",
    "small_stem": True,
    "out_index": 2,
    "kwargs": {"layers": [1, 1, 1, 1], "channels": [4, 8, 8, 8]},
}


class Plain(nn.Module):
    """A classifier as anybody writes one: images to logits, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)


def masked(**settings: object) -> ERSMClassifier:
    torch.manual_seed(0)
    return ERSMClassifier(3, (16, 16), backbone=TINY, **settings).eval()


def suite(name: str):
    return load(suite_spec(name).target)()


def test_a_plain_classifier_has_accuracy_clean_and_under_occlusion(tmp_path) -> None:
    torch.manual_seed(0)
    model = Plain()
    subject = subject_of(model, tmp_path, suite="classification")
    (summary,) = suite("classification").evaluate([subject])
    images = torch.stack([item["image"] for item in subject.data.items])
    labels = torch.stack([item["label"] for item in subject.data.items])
    right = (model(images).argmax(1) == labels).double()
    assert summary["test/accuracy"] == pytest.approx(float(right.mean()))
    assert set(summary) == {"test/accuracy", "test/cross_entropy", "test/images"}
    names = {entry.name for entry in subject.store.entries()}
    assert names == {"predictions", "panels"}  # no mask: no histogram and no array of masks
    occlusion = {"shapes": ["square", "object"], "areas": [0.0, 0.4], "fills": ["mean"]}
    subject = subject_of(model, tmp_path / "occlusion", suite="occlusion", occlusion=occlusion)
    suite("occlusion").evaluate([subject, subject])
    cells = subject.store.read_table("occlusion")
    np.testing.assert_allclose(cells[cells["area"] == 0]["accuracy"], right.mean())


@pytest.mark.parametrize("name", ["deletion", "localisation", "stress"])
def test_suites_of_tokens_refuse_a_plain_classifier_in_one_line(name: str, tmp_path) -> None:
    with pytest.raises(UserError, match=f"suite={name} .* but Plain has no 'backbone'") as found:
        suite(name).evaluate([subject_of(Plain(), tmp_path, suite=name)])
    assert "\n" not in str(found.value)
    assert not list(tmp_path.iterdir())  # before anything is measured


def test_a_classifier_of_tokens_keeps_the_protocol() -> None:
    assert isinstance(masked(), TokenClassifier)
    assert not isinstance(Plain(), TokenClassifier)
    classifier: Classifier = masked()
    assert classifier is not None


@pytest.mark.parametrize("pool", ["mean", "masked_mean"])
def test_accuracy_and_masks_are_those_of_the_metrics_core(pool: str, tmp_path) -> None:
    subject = subject_of(masked(pool=pool), tmp_path)
    (summary,) = suite("classification").evaluate([subject])
    table = subject.store.read_table("predictions")
    keep = torch.cat([scene_of(subject, batch).output.mask.keep_prob for batch in subject.batches])
    mask = torch.stack([item["mask"] for item in subject.data.items])
    grid = subject.runner.model.grid_size
    expected = {
        "effective_share": effective_share(keep),
        "mask_entropy": mask_entropy(keep, normalized=True),
        "mask_auroc": mask_auroc(keep, mask, grid),
        "pointing_game": pointing_game(keep, mask, grid),
        "energy_inside": energy_inside(keep, mask, grid),
    }
    if pool == "mean":
        expected |= {"mean_keep": mean_keep(keep), "share_above_half": share_above(keep)}
    for name, values in expected.items():
        np.testing.assert_array_equal(table[name], values)
        assert summary[f"test/{name}"] == pytest.approx(float(values.nanmean()), rel=1e-12)
    assert ("mean_keep" in table) == (pool == "mean")
    histogram = subject.store.read_table("mask_histogram")
    edges = np.linspace(0, 1, 21)
    scaled = (keep / keep.amax(1, keepdim=True)).numpy()
    np.testing.assert_allclose(histogram["share"], np.histogram(scaled, edges)[0] / scaled.size)
    np.testing.assert_allclose(histogram["share_raw"], np.histogram(keep.numpy(), edges)[0] / keep.numel())


def test_deletion_is_that_of_the_metrics_core(tmp_path) -> None:
    deletion = {"rankings": ["energy", "magnitude", "random"], "draws": 2}
    pixels = {"enabled": True, "ranking": "magnitude", "steps": 4, "images": 12}
    model = masked()
    subject = subject_of(model, tmp_path, suite="deletion", deletion=deletion, pixel_deletion=pixels)
    (summary,) = suite("deletion").evaluate([subject])
    (batch,) = Pictures(batch_size=12).eval_dataloader("test")
    scene = scene_of(subject, batch)
    curves, images = (subject.store.read_table(name) for name in ("deletion_curves", "deletion_images"))
    geometry = model.deletion_geometry(scene.features)
    for name, importance in importances(["energy", "magnitude"], scene).items():
        for order, area in AREAS.items():
            curve = deletion_curve(
                model.tokens(scene.features),
                model.head,
                importance,
                batch["label"],
                order,
                model.pool,
                index=scene.index,
                **geometry,
            ).double()
            chosen = (curves["ranking"] == name) & (curves["order"] == order)
            np.testing.assert_allclose(curves[chosen]["accuracy"], curve.mean(0))
            chosen = (images["ranking"] == name) & (images["order"] == order)
            np.testing.assert_allclose(images[chosen]["auc"], trapezoid_auc(curve))
            found = summary[f"test/deletion/{name}/{area}"]
            assert found == pytest.approx(float(trapezoid_auc(curve.mean(0))))
            start = float(curve.mean(0)[0])
            assert summary[f"test/deletion/{name}/{area}_normalised"] == pytest.approx(found / start)
            chance = summary[f"test/deletion/random/{area}"]
            assert summary[f"test/deletion/{name}/{area}_minus_random"] == pytest.approx(found - chance)
    importance = importances(["magnitude"], scene)["magnitude"].view(-1, *scene.grid)
    cells = torch.arange(16) * scene.grid[0] // 16
    table = subject.store.read_table("pixel_curves")
    for mode in MODES:
        right, belief = pixel_curve(
            model, batch["image"], importance[:, cells][:, :, cells], batch["label"], mode, "mean", 4
        )
        part = table[table["mode"] == mode]
        np.testing.assert_allclose(part["accuracy"], right.double().mean(0))
        np.testing.assert_allclose(part["probability"], belief.mean(0))
        area = float(trapezoid_auc(belief.mean(0)))
        assert summary[f"test/deletion/pixel_{mode}_mean_auc"] == pytest.approx(area)


def test_localisation_is_that_of_the_metrics_core(tmp_path) -> None:
    names = ["energy", "total_energy", "magnitude", "centre", "random"]
    subject = subject_of(masked(), tmp_path, suite="localisation", deletion={"rankings": names})
    (summary,) = suite("localisation").evaluate([subject])
    (batch,) = Pictures(batch_size=12).eval_dataloader("test")
    scene, mask = scene_of(subject, batch), batch["mask"]
    table = subject.store.read_table("localisation_images")
    saliency = {
        "energy": torch.sigmoid,
        "total_energy": lambda score: score - score.amin(1, keepdim=True),
        "centre": lambda score: score - score.amin(1, keepdim=True),
    }
    for name, score in importances(names, scene).items():
        expected = {
            "mask_auroc": mask_auroc(score, mask, scene.grid),
            "pointing_game": pointing_game(score, mask, scene.grid),
            "matched_area_iou": matched_area_iou(score, mask, scene.grid),
            "energy_inside": energy_inside(saliency.get(name, lambda x: x)(score), mask, scene.grid),
        }
        for measure, values in expected.items():
            np.testing.assert_allclose(table[table["ranking"] == name][measure], values)
            found = summary[f"test/localisation/{name}/{measure}"]
            assert found == pytest.approx(float(values.nanmean()), rel=1e-6)
    assert summary["test/localisation/object_share"] == pytest.approx(float(mask.double().mean()))


def test_localisation_needs_object_masks(tmp_path) -> None:
    subject = subject_of(masked(), tmp_path, Pictures(has_masks=False), suite="localisation")
    with pytest.raises(UserError, match="has no object masks"):
        suite("localisation").evaluate([subject])


def test_rankings_are_those_of_the_plug_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"magnitude", "random", "energy"} <= set(merged("rankings"))
    assert all(isinstance(find(name), Ranking) for name in merged("rankings"))
    assert roles(["magnitude", "grad_cam_baseline", "position_only"]) == ["baseline", "position_only"]
    assert [title_of(name) for name in ("grad_cam", "gone_since")] == ["Grad-CAM", "gone since"]
    assert shifted(torch.tensor([[-1.0, 2.0], [1.0, 2.0]])).tolist() == [[0.0, 3.0], [1.0, 2.0]]


def test_the_page_of_deletion_opens_with_each_papers_own_ranking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when a shared room knows which ranking a paper calls its own."""
    mine = Plugin("mine", "mine", rankings={"my_own": "mine:own", "my_other": "mine:other"})
    monkeypatch.setattr(curves, "plugins", lambda: {"evaluation": plugins()["evaluation"], "mine": mine})
    assert curves.own_rankings() == ("my_own", "magnitude")
    assert curves.CURVES[0].prefer == {"ranking": ("energy", "magnitude")}


def test_a_plain_function_may_be_a_ranking(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {**merged("rankings"), "first_token": "tests.evaluation.test_classifiers:first_token"}
    monkeypatch.setattr("ersm_lab.evaluation.classifiers.rankings.merged", lambda _: names)
    subject = subject_of(masked(), tmp_path, suite="deletion", deletion={"rankings": ["first_token"]})
    (summary,) = suite("deletion").evaluate([subject])
    assert "test/deletion/first_token/lerf_auc" in summary


def first_token(scene) -> torch.Tensor:
    rows, columns = scene.grid
    return torch.arange(rows * columns, 0, -1.0).expand(len(scene.features), -1)


def test_controls_are_named_by_role() -> None:
    words = ["evaluation=deletion", "evaluation.deletion.controls=[baseline:outputs/a:b]"]
    settings = compose_experiment(words).config.evaluation
    wanted = suite("deletion").controls(settings)
    assert wanted == {"baseline": "outputs/a:b", "position_only": None}
    assert suite("stress").controls(settings) == wanted
    assert suite("classification").controls(settings) == {}
    with pytest.raises(UserError, match="control 'outputs/a', which must be ROLE:RUN"):
        compose_experiment(["evaluation=deletion", "evaluation.deletion.controls=[outputs/a]"])
