"""Which trackers there are, and that none of them can stop a run."""

from __future__ import annotations

import sys

import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.tracking import close_all, publish_all
from ersm_lab.tracking.guard import Guard, GuardedLogger
from tests.tracking.conftest import trackers_of


def test_csv_is_the_history_file_alone(run):
    trackers = trackers_of({"logger": {"name": "csv"}}, run)
    assert [tracker.name for tracker in trackers] == ["metrics.csv"]
    assert trackers_of({"logger": {"name": "csv"}}, run, evaluation=run) == []


def test_disabled_wandb_is_not_imported(run, monkeypatch, configuration):
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert len(trackers_of(configuration(mode="disabled"), run)) == 1


def test_an_unknown_tracker(run):
    with pytest.raises(UserError, match="must be one of wandb, tensorboard, csv"):
        trackers_of({"logger": {"name": "mlflow"}}, run)


def test_wandb_that_does_not_import_costs_a_line(run, capsys, monkeypatch, configuration):
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert len(trackers_of(configuration(), run)) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert "wandb cannot be used" in said[0]


class Broken:
    name = "broken"
    lightning_logger = None

    def publish(self, artifacts, summary, checkpoints):
        raise RuntimeError("no\nway")

    def close(self, status):
        raise OSError("closed already")


def test_a_raising_tracker_never_stops_the_others(run, capsys):
    seen = []

    class Fine(Broken):
        def publish(self, artifacts, summary, checkpoints):
            seen.append(summary)

        def close(self, status):
            seen.append(status)

    publish_all([Broken(), Fine()], run.artifacts, {"a": 1.0}, [])
    close_all([Broken(), Fine()], "finished")
    assert seen == [{"a": 1.0}, "finished"]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2
    assert all(line.startswith("warning: broken: ") for line in said)


def test_interruptions_pass(run):
    class Interrupted(Broken):
        def publish(self, artifacts, summary, checkpoints):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish_all([Interrupted()], run.artifacts, {}, [])


def test_a_raising_logger_is_told_once(capsys):
    class Raises:
        def log_metrics(self, metrics, step=None):
            raise ConnectionError("lost")

        save = finalize = log_metrics

    class Logger(GuardedLogger, Raises):
        pass

    logger = Logger()
    logger.guard = Guard("far away")
    for step in range(3):
        logger.log_metrics({"a": 1.0}, step)
        logger.save()
    logger.finalize("success")
    logger.log_hyperparams({"a": 1})
    assert capsys.readouterr().out == (
        "warning: far away: writing metrics failed, the run goes on without it (ConnectionError: lost)\n"
    )


def test_tensorboard_shows_the_same(run, configuration):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    trackers = trackers_of(configuration() | {"logger": {"name": "tensorboard"}}, run)
    for step in range(3):
        for tracker in trackers:
            tracker.lightning_logger.log_metrics({"train/loss": 0.5**step, "epoch": 0}, step)
    publish_all(trackers, run.artifacts, {"test/accuracy": 0.75}, [])
    close_all(trackers, "finished")
    events = accumulator.EventAccumulator(str(run.path / "tensorboard")).Reload()
    assert [event.value for event in events.Scalars("train/loss")] == [1.0, 0.5, 0.25]
    assert events.Scalars("summary/test/accuracy")[0].value == 0.75
    assert "panel" in events.Tags()["images"]
    assert {"config/text_summary", "samples/text_summary"} <= set(events.Tags()["tensors"])


def test_tensorboard_missing_names_the_command(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(UserError, match="pip install tensorboard"):
        trackers_of({"logger": {"name": "tensorboard"}}, run)
