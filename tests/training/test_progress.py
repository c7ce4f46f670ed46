"""The line of an epoch: a learner says which of its metrics are shown."""

from __future__ import annotations

from types import SimpleNamespace

import pytorch_lightning as pl
import torch

from ersm_lab.training.callbacks import PROGRESS, PlainProgress, progress_of


class Named(pl.LightningModule):
    progress = ("train/error", "val/score")


def test_a_learner_without_names_shows_its_losses():
    assert progress_of(pl.LightningModule()) == PROGRESS == ("train/loss", "val/loss")
    assert progress_of(Named()) == Named.progress


def test_validation_metrics_are_shown_after_a_validation_alone(capsys):
    values = {name: torch.tensor(0.5) for name in ("train/error", "val/score", "train/other")}
    trainer = SimpleNamespace(is_global_zero=True, callback_metrics=values, current_epoch=1, max_epochs=3)
    line = PlainProgress()
    line.on_validation_end(trainer, Named())
    line.on_train_epoch_end(trainer, Named())
    line.on_train_epoch_end(trainer, Named())
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 2/3  train/error 0.5000  val/score 0.5000  ")
    assert second.startswith("epoch 2/3  train/error 0.5000  ")
    assert "val/score" not in second
