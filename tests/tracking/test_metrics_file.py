"""``metrics.csv``: whole, readable at any moment, and continued by a resumed run."""

from __future__ import annotations

import threading
import time

import pandas as pd
import pytest

from ersm_lab.tracking.guard import Guard
from ersm_lab.tracking.metrics_file import HistoryWriter, MetricsFile, MetricsLogger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.csv"


def test_calls_at_one_step_become_one_row(path):
    writer = HistoryWriter(path)
    writer.log_metrics({"train/loss": 0.1 + 0.2, "epoch": 0}, 9)
    writer.log_metrics({"val/accuracy": 0.5, "epoch": 0}, 9)
    writer.log_metrics({"train/loss_epoch": 0.25, "epoch": 0}, 9)
    writer.log_metrics({"train/loss": 2.0, "epoch": 1}, 19)
    assert path.read_text().splitlines() == [
        "epoch,step,train/loss,val/accuracy,train/loss_epoch",
        "0,9,0.30000000000000004,0.5,0.25",
        "1,19,2.0,,",
    ]


def test_a_metric_that_comes_twice_gets_a_row_of_its_own(path):
    writer = HistoryWriter(path)
    for value in (1.0, 2.0):
        writer.log_metrics({"loss": value}, 0)
    assert pd.read_csv(path)["loss"].tolist() == [1.0, 2.0]


def test_a_late_column_pads_the_rows_before(path):
    writer = HistoryWriter(path)
    for step in range(3):
        writer.log_metrics({"loss": float(step)}, step)
    writer.log_metrics({"odd,name": 1.0}, 3)
    frame = pd.read_csv(path)
    assert list(frame) == ["epoch", "step", "loss", "odd,name"]
    assert frame["odd,name"].isna().tolist() == [True, True, True, False]
    assert [item.name for item in path.parent.iterdir()] == ["metrics.csv"]


def test_not_finite_values_are_read_back(path):
    writer = HistoryWriter(path)
    writer.log_metrics({"a": float("nan"), "b": float("inf"), "c": float("-inf")}, 0)
    row = pd.read_csv(path).iloc[0]
    assert row.isna()["a"]
    assert (row["b"], row["c"]) == (float("inf"), float("-inf"))


def test_a_resumed_run_continues_and_replaces_what_it_goes_through_again(path):
    first = HistoryWriter(path)
    for step in range(6):
        first.log_metrics({"loss": float(step), "epoch": step // 3}, step)
    first.finalize("failed")
    with path.open("a") as torn:
        torn.write("1,7,0.")  # killed in the middle of a line
    second = HistoryWriter(path)
    second.log_metrics({"loss": 40.0, "new": 1.0, "epoch": 1}, 4)
    second.log_metrics({"loss": 5.0, "epoch": 1}, 5)
    frame = pd.read_csv(path)
    assert frame["step"].tolist() == [0, 1, 2, 3, 4, 5]
    assert frame["loss"].tolist() == [0.0, 1.0, 2.0, 3.0, 40.0, 5.0]


def test_a_resumed_run_keeps_the_validation_of_the_step_it_begins_with(path):
    first = HistoryWriter(path)
    first.log_metrics({"val/loss": 0.5, "epoch": 0}, 9)
    second = HistoryWriter(path)
    second.log_metrics({"train/loss": 0.125, "epoch": 0}, 9)
    second.log_metrics({"train/loss": 0.0625, "epoch": 1}, 19)
    assert path.read_text().splitlines()[1:] == ["0,9,0.5,0.125", "1,19,,0.0625"]


def test_finalize_and_go_on(path):
    writer = HistoryWriter(path)
    writer.log_metrics({"loss": 1.0}, 0)
    writer.finalize("success")
    writer.log_metrics({"val": 2.0}, 0)
    writer.log_metrics({"loss": 3.0}, 0)
    assert path.read_text().splitlines() == ["epoch,step,loss,val", ",0,1.0,2.0", ",0,3.0,"]


def test_a_reader_meanwhile_sees_whole_rows(path):
    writer = HistoryWriter(path)

    def write():
        for step in range(2000):
            writer.log_metrics({"loss": step * 1.0, "epoch": 0}, step)
            if step % 10 == 0:
                writer.log_metrics({"val": step * 2.0, "epoch": 0}, step)
            if step % 500 == 0:
                writer.log_metrics({f"late{step}": 1.0, "epoch": 0}, step)

    writer.log_metrics({"loss": 0.0, "epoch": 0}, 0)
    thread = threading.Thread(target=write)
    thread.start()
    seen = []
    while thread.is_alive():
        header, *rows = path.read_text().rpartition("\n")[0].splitlines()
        assert all(row.count(",") == header.count(",") for row in rows)
        seen.append(len(rows))
    thread.join()
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert pd.read_csv(path)["step"].nunique() == 2000


def test_it_is_cheap(path):
    writer = HistoryWriter(path)
    start = time.perf_counter()
    for step in range(1000):
        writer.log_metrics({"train/loss": 0.123, "train/accuracy": 0.5, "epoch": 0}, step)
        writer.save()
    assert (
        time.perf_counter() - start
    ) / 1000 < 1e-3  # 0.05 ms where measured; the bound is for a busy machine


def test_a_full_disk_costs_rows_and_one_line(path, capsys, monkeypatch):
    logger = MetricsLogger(path, Guard("metrics.csv"))
    logger.log_metrics({"loss": 1.0}, 0)
    with monkeypatch.context() as patch:

        def full(*_):
            raise OSError(28, "No space left on device")

        patch.setattr("ersm_lab.tracking.metrics_file.os.pwrite", full)
        for step in (1, 2):
            logger.log_metrics({"loss": 1.0}, step)
    logger.log_metrics({"loss": 1.0}, 3)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert "No space left" in said[0]
    assert pd.read_csv(path)["step"].tolist() == [0, 3]


def test_with_lightning(tmp_path):
    import pytorch_lightning as pl
    import torch
    from pytorch_lightning.demos.boring_classes import BoringModel

    class Model(BoringModel):
        def training_step(self, batch, batch_idx):
            loss = super().training_step(batch, batch_idx)["loss"]
            self.log("train/loss", loss, on_step=True, on_epoch=False)
            return loss

        def validation_step(self, batch, batch_idx):
            self.log("val/zero", torch.tensor(0.0))

    tracker = MetricsFile(tmp_path / "metrics.csv")
    options = {"accelerator": "cpu", "enable_checkpointing": False, "enable_model_summary": False}
    trainer = pl.Trainer(
        **options,
        max_epochs=2,
        limit_train_batches=4,
        limit_val_batches=1,
        log_every_n_steps=2,
        logger=[tracker.lightning_logger],
        enable_progress_bar=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(Model())
    tracker.close("finished")
    frame = pd.read_csv(tmp_path / "metrics.csv")
    assert frame["step"].is_unique
    assert frame["epoch"].tolist() == sorted(frame["epoch"])
    assert frame["train/loss"].notna().sum() == 4
    assert frame["val/zero"].dropna().tolist() == [0.0, 0.0]
