"""The stress suites on tiny runs, through the command line: what is written, what is compared, and what must agree."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ersm_lab.cli import main
from ersm_lab.cli.evaluate import evaluation_request
from ersm_lab.config.composer import compose_experiment
from ersm_lab.config.typed import typed_config
from ersm_lab.core.plugins import merged
from ersm_lab.evaluation.classifiers.occlusion.sweep import conditions_of, occluded
from ersm_lab.evaluation.classifiers.rankings import importances
from ersm_lab.evaluation.classifiers.scene import scene_of
from ersm_lab.evaluation.runner import Runner
from ersm_lab.evaluation.subject import Subject
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.training.build import build_data, build_model
from ersm_lab.training.checkpoint_io import load_checkpoint
from ersm_lab.training.evaluate import evaluate_runs
from ersm_lab.training.run import train
from tests.conftest import TINY

pytest.importorskip("captum", reason="rankings need the extra 'explain'")
ARMS = ("baseline", "position_only", "recommended")
# few conditions and one draw: what is tested does not depend on their number
STRESS = [
    "evaluation=stress",
    "evaluation.panels=2",
    "evaluation.deletion.draws=2",
    "evaluation.occlusion.areas=[0,0.3,0.6]",
    "evaluation.occlusion.shapes=[square,grid,object]",
    "evaluation.occlusion.fills=[mean,noise,image]",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory):
    """Three finished runs on one backbone, two seeds of one of them, evaluated together; made once."""
    folder = tmp_path_factory.mktemp("stress")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in (
            "ERSM_LAB_DATA",
            "ERSM_LAB_OUTPUTS",
            "ERSM_LAB_CACHE",
            "WANDB_API_KEY",
            "HYDRA_FULL_ERROR",
        ):
            patch.delenv(name, raising=False)
        torch.manual_seed(0)
        first = _run("baseline", 0)
        weights = f"model.backbone.checkpoint={first / 'checkpoints' / 'best.ckpt'}"
        runs = [
            first,
            _run("position_only", 0, weights),
            _run("recommended", 0, weights),
            _run("recommended", 1, weights),
        ]
        words = [word for word in STRESS if word != "evaluation=stress"]
        composed = compose_experiment(STRESS).config
        evaluations, comparison = evaluate_runs(runs, composed, ["evaluation=stress", *words])
        assert comparison is not None
        yield {"runs": runs, "evaluations": evaluations, "comparison": comparison}


def _run(variant: str, seed: int, *more: str) -> Path:
    words = [f"model=ersm/{variant}", *TINY, "data.options.val=20", f"seed={seed}", *more]
    cell = Planner().plan(compose_experiment(words))
    return train(cell.experiment, cell.identity).path


def _table(folder: Path, name: str) -> pd.DataFrame:
    return ArtifactStore(folder / "artifacts").read_table(name)


def test_every_artifact_is_written_and_named_in_the_index(lab: dict) -> None:
    folder = lab["evaluations"][2][0]
    index = json.loads((folder / "artifacts" / "index.json").read_text())
    expected = {
        "predictions",
        "masks",
        "mask_histogram",
        "panels",
        "deletion_curves",
        "deletion_images",
        "deletion",
    }
    expected |= {"occlusion", "occlusion_images", "occlusion_heat_map", "localisation_images"}
    assert expected <= set(index)
    for item in index.values():
        assert item["title"]
        assert all((folder / "artifacts" / name).stat().st_size > 0 for name in item["files"])


def test_the_training_record_stays_as_it_was(lab: dict) -> None:
    record = RunDirectory.open(lab["runs"][2]).record
    assert record.status == "finished"
    assert not any("occlusion" in name for name in record.summary)


def test_numbers_of_different_suites_agree(lab: dict) -> None:
    """Breaks when suites see different images, another checkpoint, or another mask."""
    for folder, summary in lab["evaluations"]:
        assert summary["test/deletion/deployed_accuracy"] == pytest.approx(summary["test/accuracy"])
        occlusion = _table(folder, "occlusion")
        # nothing covered is clean, whatever the shape and the fill
        np.testing.assert_allclose(occlusion[occlusion["area"] == 0]["accuracy"], summary["test/accuracy"])
        curves = _table(folder, "deletion_curves")
        starts, ends = curves[curves["k"] == 0]["accuracy"], curves[curves["share"] == 1]["accuracy"]
        # every ranking starts with all tokens and ends with none
        np.testing.assert_allclose(starts, summary["test/deletion/all_kept_accuracy"])
        assert ends.nunique() == 1
    baseline = lab["evaluations"][0][1]
    assert baseline["test/deletion/all_kept_accuracy"] == pytest.approx(baseline["test/accuracy"])
    recommended = lab["evaluations"][2][1]
    # scores that the sigmoid rounds to one keep probability are ties there, and none here
    same = pytest.approx(recommended["test/mask_auroc"], abs=2e-3)
    assert recommended["test/localisation/energy/mask_auroc"] == same
    assert recommended["test/localisation/energy/energy_inside"] == pytest.approx(
        recommended["test/energy_inside"]
    )


def test_rankings_borrow_the_controls_of_the_same_seed(lab: dict) -> None:
    names = [set(_table(folder, "deletion_curves")["ranking"]) for folder, _ in lab["evaluations"]]
    assert names[2] == set(merged("rankings"))
    assert "energy" not in names[0]  # the plain classifier has none
    assert "grad_cam_baseline" not in names[3]  # seed 1 has no baseline among the runs
    frame = _table(lab["evaluations"][0][0], "deletion_images")
    own, borrowed = (
        frame[frame["ranking"] == name].sort_values(["order", "index"])["auc"].to_numpy()
        for name in ("grad_cam", "grad_cam_baseline")
    )
    np.testing.assert_allclose(own, borrowed)  # the baseline's own Grad-CAM is the baseline's Grad-CAM


def test_differences_are_paired_and_say_what_they_rest_on(lab: dict) -> None:
    frame = _table(lab["comparison"], "differences").set_index(["arm", "against", "measure"])
    row = frame.loc[("recommended", "baseline", "accuracy")]
    first, second = (_table(lab["evaluations"][i][0], "predictions")["correct"] for i in (2, 0))
    assert row["estimate"] == pytest.approx(first.mean() - second.mean())  # seed 0 alone: the only common one
    assert (row["n_images"], row["n_seeds"]) == (20, 1)
    assert "images only" in row["method"]
    assert {"occlusion/all", "occlusion/object", "deletion/magnitude/lerf_auc"} <= set(
        frame.index.get_level_values(2)
    )
    record = json.loads((lab["comparison"] / "comparison.json").read_text())
    assert record["status"] == "finished"
    assert len(record["inputs"]) == 4
    names = {path.name for path in (lab["comparison"] / "artifacts").glob("*.png")}
    assert {
        "deletion_arms.png",
        "occlusion_arms.png",
        "occlusion_heat_map.png",
        "mask_histogram.png",
    } <= names


def test_means_hold_every_seed(lab: dict) -> None:
    frame = _table(lab["comparison"], "means").set_index(["metric", "arm"])
    row = frame.loc[("test/accuracy", "recommended")]
    both = [summary["test/accuracy"] for _, summary in lab["evaluations"][2:]]
    assert row["n_seeds"] == 2
    assert row["mean"] == pytest.approx(np.mean(both))
    assert row["std"] == pytest.approx(np.std(both, ddof=1))


def _subject(run: Path) -> Subject:
    found = RunDirectory.open(run)
    config = typed_config(found.config)
    data = build_data(config)
    model = build_model(config, data)
    load_checkpoint(model, found.checkpoints / "best.ckpt")
    batches = data.eval_dataloader("test", rank_share=False)
    return Subject(
        Runner(model, torch.device("cpu")),
        batches,
        data,
        "test",
        compose_experiment(STRESS).config.evaluation,
        None,
        {"baseline": model},
    )


def test_rankings_do_not_depend_on_the_batch(lab: dict) -> None:
    subject = _subject(lab["runs"][2])
    dataset = subject.data.view_dataset("test", None)

    def batch(places: list[int]) -> dict:
        items = [dataset[i] for i in places]
        return {
            key: torch.stack([torch.as_tensor(item[key]) for item in items])
            for key in ("image", "label", "index")
        }

    whole = importances(list(merged("rankings")), scene_of(subject, batch([4, 5, 6])))
    alone = importances(list(merged("rankings")), scene_of(subject, batch([5])))
    assert set(whole) == set(merged("rankings")) - {"position_only"}
    for name, value in whole.items():
        torch.testing.assert_close(value[1:2], alone[name], rtol=1e-4, atol=1e-6, msg=name)


def test_occluded_pictures_differ_only_where_they_are_covered_and_by_their_share(lab: dict) -> None:
    subject = _subject(lab["runs"][0])
    conditions = conditions_of(subject.settings.occlusion, True)
    batch = next(iter(subject.batches))
    pixels = batch["image"][0, 0].numel()
    for place, pictures, exists in occluded(subject, batch, conditions):
        condition = conditions[place]
        if condition.area == 0:
            assert pictures is None
            continue
        assert exists.all()
        changed = (pictures != batch["image"]).any(1)
        if condition.shape == "object":
            assert not (changed & ~batch["mask"]).any()
        elif (
            condition.fill == "noise"
        ):  # a pixel that equals its noise by chance would be missed, nothing else
            assert changed.flatten(1).sum(1).tolist() == [round(condition.area * pixels)] * len(changed)


def _write_table(**rows: dict[int, Path]) -> None:
    folder = Path("outputs/tables/two")
    folder.mkdir(parents=True, exist_ok=True)
    runs = {row: {str(seed): str(run) for seed, run in by_seed.items()} for row, by_seed in rows.items()}
    (folder / "table.json").write_text(json.dumps({"runs": runs}))


def test_the_runs_of_a_written_table_are_found_with_their_rows(lab: dict) -> None:
    _write_table(a={0: lab["runs"][0]}, b={0: lab["runs"][1], 1: lab["runs"][2]})
    runs = [str(run) for run in lab["runs"]]
    found = evaluation_request(["table=two", f"run={runs[1]},{runs[3]}"])[0]
    assert found == {runs[1]: "b", runs[3]: None, runs[0]: "a", runs[2]: "b"}


def test_the_rows_of_a_table_are_the_arms_of_its_evaluation(
    lab: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    """Breaks when two rows of one variant clash although the table names them apart."""
    first = lab["runs"][2]
    second = shutil.copytree(first, Path("copies") / "of_the_same_variant_and_seed")
    _write_table(small={0: first}, wide={0: second})
    words = ["evaluation=classification", "evaluation.panels=0"]
    assert main(["evaluate", f"run={first},{second}", *words]) == 1
    assert "table=NAME of a table whose rows name them apart" in capsys.readouterr().err
    assert main(["evaluate", "table=two", *words]) == 0
    comparison = capsys.readouterr().out.splitlines()[-1].removeprefix("comparison: ")
    assert set(_table(Path(comparison), "means")["arm"]) == {"small", "wide"}


def test_bad_requests_are_one_line(lab: dict, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "run=nowhere/*"]) == 1
    assert "matches no folder" in capsys.readouterr().err
    assert main(["evaluate", "table=nothing"]) == 1
    assert "make it with ersm-lab table nothing" in capsys.readouterr().err
    runs = ",".join(map(str, lab["runs"][:1]))
    assert (
        main(["evaluate", f"run={runs}", "evaluation=deletion", "evaluation.deletion.rankings=[enrgy]"]) == 1
    )
    assert "did you mean 'energy'" in capsys.readouterr().err
    assert main(["evaluate", f"run={runs}", "optimizer.lr=1"]) == 1
    assert "a finished run keeps its configuration" in capsys.readouterr().err
