"""One experiment, from its configuration to a finished run directory."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytorch_lightning as pl
import torch

from ersm_lab.config.compose import Experiment
from ersm_lab.config.schema import RunConfig
from ersm_lab.core.errors import UserError, kind_and_message
from ersm_lab.core.settings import plain
from ersm_lab.files.locks import hold
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.log import run_log
from ersm_lab.runs.record import RunIdentity
from ersm_lab.tracking import Tracker, build_trackers, close_all, publish_all
from ersm_lab.training.build import (
    build_data,
    build_model,
    build_trainer,
    check_targets,
    gpu_record,
    weight_count,
)
from ersm_lab.training.checkpoint_io import load_checkpoint
from ersm_lab.training.data_flow import Flow
from ersm_lab.training.measure import evaluate_model, suite_of

# tells the other processes of a distributed run where the first one writes
_RANK_ENV = "ERSM_LAB_RUN"


class Terminated(BaseException):
    """SIGTERM, turned into an exception so that the run is closed properly."""


def train(experiment: Experiment, identity: RunIdentity, resume: Path | None = None) -> RunDirectory:
    """Fits, evaluates, and leaves a run directory whose status says how it ended.

    Parameters
    ----------
    experiment: what to run.
    identity: what makes it the run that it is, noted in ``run.json`` from the start; see ``ersm_lab.plan.identity``.
    resume: an unfinished run directory to go on with, from its ``checkpoints/last.ckpt``.

    Raises
    ------
    UserError: for everything that a user can mend; the run directory then holds status and log.
    """
    config = experiment.config
    check_targets(config)
    rank = int(os.environ.get("LOCAL_RANK", 0))
    if rank > 0:
        _fit(config, RunDirectory.open(os.environ[_RANK_ENV]), [], None)
        return RunDirectory.open(os.environ[_RANK_ENV])
    if resume is not None:
        run = RunDirectory.open(resume)
    else:
        outputs = Path(config.paths.outputs)
        run = RunDirectory.create(
            outputs,
            experiment.paper,
            experiment.name,
            plain(config),
            list(experiment.overrides),
            identity,
        )
    # two processes that resume the run would write the same files
    with hold(run.path / "config.yaml") as lock:
        if lock is None:
            raise UserError(f"{run.path} is being run by another process")
        if resume is not None:
            run.restart()
        os.environ[_RANK_ENV] = str(run.path)
        try:
            with _closing(run):
                _whole_run(config, run, run.checkpoints / "last.ckpt" if resume else None)
        finally:
            os.environ.pop(_RANK_ENV, None)
    return run


def _whole_run(config: RunConfig, run: RunDirectory, last: Path | None) -> None:
    trackers = build_trackers(config.logger, plain(config), run)
    status = "failed"
    try:
        model, flow = _fit(config, run, trackers, last)
        run.update(gpu=gpu_record())
        # the end of training is what `ersm-lab evaluate` would do with the chosen checkpoint
        load_checkpoint(model, run.checkpoints / f"{config.evaluation.checkpoint}.ckpt")
        summary = evaluate_model(flow, model, config.evaluation, run.artifacts)
        status = "finished"
        publish_all(trackers, run.artifacts, summary, sorted(run.checkpoints.glob("[!.]*.ckpt")))
        run.finish("finished", summary=summary)
    finally:
        close_all(trackers, status)


def _fit(
    config: RunConfig, run: RunDirectory, trackers: Sequence[Tracker], last: Path | None
) -> tuple[pl.LightningModule, Flow]:
    """Data, model, training. Every process of a distributed run comes through here."""
    _quiet()
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    data = build_data(config)
    model = build_model(config, data)
    # a model or data that cannot be measured: known now, not after the training
    suite_of(config.evaluation).accept(model, data, config.evaluation)
    flow = Flow(config, data, model)
    if int(os.environ.get("LOCAL_RANK", 0)) == 0:
        run.update(parameters=weight_count(model))
    loggers = [tracker.lightning_logger for tracker in trackers if tracker.lightning_logger is not None]
    trainer = build_trainer(config, run.checkpoints, loggers, [])
    try:
        trainer.fit(
            model,
            flow.train_loader(),
            flow.val_loader(),
            ckpt_path=str(last) if last else None,
            weights_only=True,
        )
    except ValueError as error:
        if "Expected more than 1 value per channel" in str(error):
            raise UserError(
                "batch norm cannot learn from a batch of one image: use data.batch_size=2 or more, or a size that "
                "leaves no single image over"
            ) from error
        raise
    except SystemExit:
        if not trainer.interrupted:
            raise
        # Lightning's answer to Ctrl-C, after which it takes no further one
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from None
    if config.trainer.max_steps is not None:
        # it may have ended inside an epoch, after the last checkpoint that was due
        trainer.save_checkpoint(run.checkpoints / "last.ckpt", weights_only=False)
        if trainer.is_global_zero and not (run.checkpoints / "best.ckpt").exists():
            print("no validation came before the last step: the last checkpoint is taken for the best")
            shutil.copyfile(run.checkpoints / "last.ckpt", run.checkpoints / "best.ckpt")
    if torch.distributed.is_initialized():
        # the first process alone evaluates: no metric of its suites may wait there for the others
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
    return model, flow


@contextmanager
def _closing(run: RunDirectory) -> Iterator[None]:
    """Whatever happens, the run gets its log, its final status and its exit code."""
    with _sigterm(), run_log(run.log_path), run.heartbeats():
        try:
            yield
        except KeyboardInterrupt as error:
            run.finish("interrupted", error="interrupted from the keyboard")
            raise error
        except Terminated:
            run.finish("interrupted", error="SIGTERM")
            raise SystemExit(143) from None
        except BaseException as error:
            run.finish("failed", error=kind_and_message(error, limit=None))
            raise


@contextmanager
def _sigterm() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread: the caller has its own way to stop
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _quiet() -> None:
    """Silences advice that does not apply to a run whose loaders and folders are chosen on purpose."""
    for name in (
        "pytorch_lightning.utilities.rank_zero",
        "pytorch_lightning.accelerators.cuda",
        "lightning_fabric.utilities.seed",
        "pytorch_lightning.utilities.pytree",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        r".*does not have many workers.*",
        r".*Checkpoint directory .* exists.*",
        r".*smaller than the logging interval.*",
        r".*in eval mode at the start of training.*",
        r".*have no `validation_step`.*",
    ):
        warnings.filterwarnings("ignore", message=message)
    warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\).*")
