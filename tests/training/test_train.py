"""The shared trainer, end to end on tiny data: what a run directory holds, and how a run may end."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

from ersm_lab.cli import main
from ersm_lab.config.composer import compose_experiment
from ersm_lab.launch.run import with_backbone
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.training.build import build_data, build_model
from ersm_lab.training.data_flow import Flow
from ersm_lab.training.run import train
from tests.conftest import TINY


def run(*overrides: str) -> RunDirectory:
    cell = Planner().plan(compose_experiment([*TINY, *overrides]))
    return train(cell.experiment, cell.identity)


def numbers(found: RunDirectory) -> dict[str, float]:
    return found.record.summary


def test_a_run_directory_holds_what_was_promised(lab):
    """Breaks when a file of the contract is missing, or a checkpoint cannot be loaded with weights_only."""
    found = run()
    record = json.loads((found.path / "run.json").read_text())
    assert found.path.parent == Path("outputs/ersm/default")
    assert record["status"] == "finished"
    for key in (
        "schema_version",
        "config_hash",
        "package_digest",
        "data_fingerprint",
        "seed",
        "versions",
        "git",
        "hardware",
    ):
        assert record[key] is not None
    assert record["timings"]["seconds"] > 0
    for name in (
        "config.yaml",
        "metrics.csv",
        "run.log",
        "artifacts/index.json",
        "artifacts/predictions.parquet",
    ):
        assert (found.path / name).is_file(), name
    for name in ("best", "last"):
        state = torch.load(found.checkpoints / f"{name}.ckpt", weights_only=True)
        assert "mask.weight" in state["state_dict"]
    index = json.loads((found.path / "artifacts" / "index.json").read_text())
    assert {"predictions", "masks"} <= set(index)
    history = pd.read_csv(found.metrics_path)
    assert {"epoch", "step", "train/loss", "val/accuracy"} <= set(history.columns)
    table = found.artifacts.read_table("predictions")
    assert numbers(found)["test/accuracy"] == table["correct"].mean()
    assert {"test/mask_auroc", "test/pointing_game", "test/effective_share"} <= set(numbers(found))
    # masked-mean pooling leaves the scale free: no figure that depends on it is reported
    assert "test/mean_keep" not in numbers(found)


def test_evaluate_gives_the_numbers_of_the_end_of_training(lab, capsys):
    """And leaves the training record as it was."""
    found = run()
    before = (found.path / "run.json").read_text()
    assert main(["evaluate", f"run={found.path}"]) == 0
    (evaluation,) = (found.path / "evaluations").iterdir()
    again = json.loads((evaluation / "evaluation.json").read_text())
    assert again["status"] == "finished"
    assert again["summary"] == numbers(found)
    assert (found.path / "run.json").read_text() == before
    assert main(["evaluate", f"run={found.path}", "optimizer.lr=1"]) == 1
    assert "keeps its configuration" in capsys.readouterr().err


def test_evaluate_finds_data_that_have_moved(lab):
    """Breaks when a run's own folder of data is looked for, wherever paths.data says that they are."""
    found = run()
    Path("data").rename("elsewhere")
    assert main(["evaluate", f"run={found.path}", "paths.data=elsewhere"]) == 0
    assert not Path("data").exists()
    (evaluation,) = (found.path / "evaluations").iterdir()
    assert json.loads((evaluation / "evaluation.json").read_text())["summary"] == numbers(found)


def test_cached_features_give_the_same_results(lab):
    """Breaks when the cache's order, views or transform differ from the uncached run's."""
    views = ["data.views=2", "data.transform.hflip=true", "trainer.max_epochs=3"]
    plain, cached = run(*views), run(*views, "trainer.feature_cache.enabled=true")
    a, b = pd.read_csv(plain.metrics_path), pd.read_csv(cached.metrics_path)
    for column in ("train/loss", "val/loss"):
        pd.testing.assert_series_equal(a[column], b[column], rtol=1e-4)
    for key, value in numbers(plain).items():
        assert math.isclose(value, numbers(cached)[key], rel_tol=1e-4), key
    caches = sorted(Path("outputs/.cache/features").glob("*/meta.json"))
    run(*views, "trainer.feature_cache.enabled=true", "seed=1")
    assert sorted(Path("outputs/.cache/features").glob("*/meta.json")) != []
    assert len(caches) == 4  # two views of train, val, test


def test_frozen_means_bit_identical(lab):
    """Breaks when batch-norm statistics drift, a gradient reaches the backbone, or EMA rounds what does not change."""
    config = compose_experiment([*TINY, "trainer.ema_decay=0.9"]).config
    data = build_data(config)
    torch.manual_seed(0)
    model = build_model(config, data)
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    model.train()
    assert not model.backbone.training
    found = run("trainer.ema_decay=0.9", "model.freeze_backbone=true")
    for name in ("best", "last"):
        state = torch.load(found.checkpoints / f"{name}.ckpt", weights_only=True)["state_dict"]
        own = {
            key.removeprefix("backbone."): value
            for key, value in state.items()
            if key.startswith("backbone.")
        }
        assert own.keys() == before.keys()
        for key, value in own.items():
            assert torch.equal(value, before[key]), key


def test_a_trained_backbone_changes(lab):
    """The counterpart: without freezing, weights and statistics do move."""
    found = run(
        "model.freeze_backbone=false", "model=ersm/baseline", "trainer.clip_norm=1", "trainer.accumulate=2"
    )
    state = torch.load(found.checkpoints / "last.ckpt", weights_only=True)["state_dict"]
    assert int(state["backbone.net.bn1.num_batches_tracked"]) > 0


@pytest.mark.parametrize(
    "overrides",
    [
        ["trainer.precision=bf16-mixed", "trainer.channels_last=true"],
        ["optimizer=sgd", "optimizer.schedule.warmup=0.2", "trainer.max_steps=3"],
        ["logger=tensorboard"],
        ["data.num_workers=1", "callbacks.patience=1"],
        ["+callbacks.extra.timer={_target_: pytorch_lightning.callbacks.Timer, duration: '00:01:00:00'}"],
    ],
    ids=["bf16", "sgd-poly-steps", "tensorboard", "workers", "callback"],
)
def test_choices_of_the_trainer_run(lab, overrides):
    assert run(*overrides).status == "finished"


def test_same_seed_same_numbers(lab):
    """Two runs of one configuration agree exactly on one machine; another seed does not."""
    a, b, c = run(), run(), run("seed=1")
    assert a.record.config_hash == b.record.config_hash != c.record.config_hash
    assert numbers(a) == numbers(b) != numbers(c)


def test_a_resumed_run_equals_an_uninterrupted_one(lab):
    """Breaks when sampler position, random numbers, optimizer or schedule are not restored in the middle of an epoch."""
    overrides = ["trainer.max_epochs=3", "trainer.checkpoint_every_steps=1"]
    overrides += ["callbacks.checkpoint.monitor=val/loss", "callbacks.checkpoint.mode=min"]
    whole = run(*overrides)
    killed = run(*overrides, "trainer.max_epochs=3")
    # as a kill in the second epoch leaves it: stop a copy of the run after its fourth step
    code = (
        "import os, pytorch_lightning as pl, sys\n"
        "from ersm_lab.training import callbacks\n"
        "start = callbacks.Reproducible.on_train_batch_start\n"
        "def stop(self, trainer, module, batch, index):\n"
        "    os._exit(9) if trainer.global_step == 4 else start(self, trainer, module, batch, index)\n"
        "callbacks.Reproducible.on_train_batch_start = stop\n"
        "from ersm_lab.cli import main\n"
        f"main(['train', *{[*TINY, *overrides]!r}])\n"
    )
    before = {path.name for path in killed.path.parent.iterdir()}
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 9
    (left,) = [path for path in killed.path.parent.iterdir() if path.name not in before]
    assert RunDirectory.open(left).status == "killed"
    assert main(["train", f"resume={left}"]) == 0
    resumed = RunDirectory.open(left)
    assert resumed.status == "finished"
    assert numbers(resumed) == numbers(whole)


def test_nan_loss_names_the_step_and_keeps_the_last_good_checkpoint(lab, monkeypatch, capsys):
    from ersm_lab.papers.ersm.classifier import ERSMClassifier

    step = ERSMClassifier.step

    def poisoned(self, batch):
        output, losses = step(self, batch)
        bad = self.training and self.trainer.global_step >= 4
        return output, {name: value * float("nan") if bad else value for name, value in losses.items()}

    monkeypatch.setattr(ERSMClassifier, "step", poisoned)
    assert main(["train", *TINY]) == 1
    assert "not finite at step" in capsys.readouterr().err
    (folder,) = Path("outputs/ersm/default").iterdir()
    found = RunDirectory.open(folder)
    assert found.status == "failed"
    assert "Traceback" in found.log_path.read_text()
    state = torch.load(found.checkpoints / "last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.isfinite(value).all() for value in state.values() if value.is_floating_point())


def test_last_is_the_last_epoch_though_nothing_improved(lab, monkeypatch):
    """Breaks when `last` follows `best`: a resumed run would train epochs again, and evaluate an older model."""
    found = run(
        "callbacks.checkpoint.mode=min", "trainer.max_epochs=3", "callbacks.checkpoint.monitor=train/accuracy"
    )
    steps = {
        name: torch.load(found.checkpoints / f"{name}.ckpt", weights_only=True)["global_step"]
        for name in ("best", "last")
    }
    assert steps["last"] == 12
    assert steps["best"] <= steps["last"]


def test_a_disk_that_fills_up_during_a_checkpoint_loses_nothing(lab, monkeypatch, capsys):
    """Breaks when half a checkpoint takes the place of a whole one, or the run does not say why it ended."""
    save, written = torch.save, []

    def full(content, file):
        if len(written) == 2:  # best and last of the first epoch
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(content)
        save(content, file)

    monkeypatch.setattr("ersm_lab.training.checkpoint_io.torch.save", full)
    assert main(["train", *TINY]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
    assert "no space left on the disk" in lines[-1]
    assert "the previous checkpoint is whole" in lines[-1]
    (folder,) = Path("outputs/ersm/default").iterdir()
    assert RunDirectory.open(folder).status == "failed"
    assert "no space left" in (folder / "run.log").read_text()
    for name in ("best.ckpt", "last.ckpt"):
        assert torch.load(folder / "checkpoints" / name, weights_only=True)["global_step"] == 4
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_sigterm_ends_with_143_and_says_so(lab):
    done = subprocess.Popen(
        [sys.executable, "-m", "ersm_lab", "train", *TINY, "trainer.max_epochs=500"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 400  # a busy machine
    while (
        not list(Path("outputs").glob("ersm/default/*/checkpoints/last.ckpt")) and time.monotonic() < deadline
    ):
        time.sleep(0.2)
    done.send_signal(signal.SIGTERM)
    assert done.wait(60) == 143
    (folder,) = Path("outputs/ersm/default").iterdir()
    assert RunDirectory.open(folder).record.status == "interrupted"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["data=imagefolder"], "no data in"),
        (["model.backbone.name=resnet19"], "nearest names are"),
        (["model.backbone.checkpoint=nowhere.ckpt"], "no file nowhere.ckpt"),
        (["model.backbone.out_index=9"], "has no stage 9"),
        (["+optimizer.kwargs.beta=1"], "did you mean 'betas'?"),
        (["trainer.accelerator=gpu"], "torch sees no CUDA device"),
    ],
)
def test_bad_input_is_one_line(lab, overrides, words, capsys):
    if words.startswith("torch sees") and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    tiny = [
        word for word in TINY if not (overrides[0].startswith("data=") and word.startswith("data.options"))
    ]
    assert main(["train", *tiny, *overrides]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.strip().count("\n") == 0
    assert "Traceback" not in error


def test_a_checkpoint_of_another_architecture_is_refused(lab, capsys):
    torch.save({"conv1.weight": torch.zeros(3)}, "other.pth")
    assert main(["train", *TINY, "model.backbone.checkpoint=other.pth"]) == 1
    assert "another architecture" in capsys.readouterr().err


def test_weights_of_a_whole_timm_model_load_into_the_cut_one(lab):
    """A local timm checkpoint fills every tensor of the feature extractor, flattened names included."""
    import timm

    from ersm_lab.nn.backbone import Backbone

    for name, index in (("resnet10t", 2), ("convnext_atto", 1)):
        torch.manual_seed(1)
        whole = timm.create_model(name)
        torch.save(whole.state_dict(), f"{name}.pth")
        cut = Backbone(name, checkpoint=f"{name}.pth", out_index=index).eval()
        x = torch.randn(1, 3, 64, 64)
        expected = whole.eval().forward_intermediates(x, indices=[index], intermediates_only=True)[0]
        torch.testing.assert_close(cut(x), expected)


def test_two_stages_in_one_command_and_the_backbone_is_reused(lab, capsys):
    """The head's run trains its backbone first, loads it bit for bit, and a second head finds it finished."""
    backbone = ["model.backbone.from_experiment=ersm/digits_backbone"]
    small = [
        "model.freeze_backbone=false",
        *[word for word in TINY if word.split("=")[0] not in ("logger", "trainer.accelerator")],
    ]
    small += ["data.options.canvas=32", "data.transform.size=32", "data.root=data/small"]
    backbone += [f"model.backbone.from_overrides={json.dumps(small).replace(chr(34), chr(39))}"]
    planner = Planner()
    planned = [planner.plan(compose_experiment([*TINY, *backbone, f"seed={seed}"])) for seed in (0, 1)]
    heads = [with_backbone(cell) for cell in planned]
    assert capsys.readouterr().out.count(f"running {planned[0].backbone.label} first") == 1
    assert planned[0].backbone is planned[1].backbone
    assert heads[0].identity.upstream["backbone"] == planned[0].backbone.config_hash
    found = train(heads[0].experiment, heads[0].identity)
    state = torch.load(found.checkpoints / "best.ckpt", weights_only=True)["state_dict"]
    source = Path(heads[0].experiment.config.model.backbone.checkpoint)
    original = torch.load(source, weights_only=True)["state_dict"]
    for key, value in state.items():
        if key.startswith("backbone."):
            assert torch.equal(value, original[key])


@pytest.mark.slow
def test_two_processes_on_cpu(lab):
    """DDP: one run directory, both ranks in step, a finished record."""
    words = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.max_epochs=2"]
    words += ["trainer.progress=none", "trainer.threads=1"]
    command = [sys.executable, "-m", "ersm_lab", "train", *TINY, *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (folder,) = Path("outputs/ersm/default").iterdir()
    assert RunDirectory.open(folder).status == "finished"


def test_flow_feeds_every_image_once_per_epoch(lab):
    config = compose_experiment([*TINY]).config
    data = build_data(config)
    flow = Flow(config, data, build_model(config, data))
    seen = torch.cat([batch["index"] for batch in flow.train_loader()])
    assert sorted(seen.tolist()) == list(range(len(data.train)))


def test_golden_curve(lab):
    """Twenty CPU steps of the recommended variant, committed. Breaks when data, initialisation, loss, optimizer or
    schedule change what is learnt. Exact on one machine only, hence the tolerance."""
    found = run("trainer.max_epochs=5", "seed=7")
    curve = pd.read_csv(found.metrics_path)["train/loss"].dropna().tolist()
    golden = json.loads((Path(__file__).parents[1] / "golden" / "ersm_curve.json").read_text())
    assert len(curve) == 20
    assert curve == pytest.approx(golden["train/loss"], rel=1e-4)
