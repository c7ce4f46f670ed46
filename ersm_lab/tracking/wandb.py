"""Weights & Biases as a view of the run directory: offline unless asked otherwise, no prompt, no hang."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ersm_lab.core.errors import kind_and_message
from ersm_lab.core.protocols import Scalar
from ersm_lab.files.strict_json import json_value
from ersm_lab.runs.artifacts import Artifact, ArtifactStore
from ersm_lab.runs.directory import ComparisonDirectory, EvaluationDirectory, RunDirectory
from ersm_lab.runs.stored import StoredConfig
from ersm_lab.tracking.guard import Guard, GuardedLogger, say
from ersm_lab.tracking.schema import WandbConfig

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger
    from wandb import Run

# of a table in a dashboard; the artifact of the evaluation holds all rows anyway
MAX_ROWS = 10_000
IDENTITY = ("config_hash", "data_fingerprint", "package_digest", "upstream")


class WandbTracker:
    """History, configuration, summary, figures, tables and checkpoints of a run, or of a later evaluation.

    Parameters
    ----------
    settings: how and where it records.
    shown: the whole configuration as plain containers.
    run: the run directory.
    evaluation: of the run, when that is what is tracked; its files then lie in its own folder.

    Files, staged ones too, lie in ``wandb/`` below the run (or the evaluation). ``settings.mode``: ``auto`` and
    ``offline`` make no network call; ``online`` waits ``init_timeout`` seconds at most, then says so in one
    line and records offline. A checkpoint is referred to where it lies, not copied. What ``wandb.init``
    raises offline too is raised.
    """

    def __init__(
        self,
        settings: WandbConfig,
        shown: Mapping[str, object],
        run: RunDirectory,
        evaluation: EvaluationDirectory | ComparisonDirectory | None = None,
    ) -> None:
        self.name = "wandb"
        self._settings = settings
        record = run.record
        self._record = {key: getattr(record, key) for key in ("paper", "experiment", "seed", *IDENTITY)}
        self._run_name = run.path.name
        self._guard = Guard(self.name)
        self._cleanup = ExitStack()
        place = (run if evaluation is None else evaluation).path
        name = run.path.name if evaluation is None else f"{run.path.name}-{evaluation.path.name}"
        job = "train" if evaluation is None else "evaluate"
        group = f"{record.paper}/{record.experiment}"
        common = {
            "project": settings.project,
            "entity": settings.entity,
            "group": settings.group or group,
            "job_type": settings.job_type or job,
            "tags": list(settings.tags),
            "name": name,
            "dir": str(place),
            "config": dashboard_config(shown, self._record, run.path.name),
            "reinit": "create_new",  # whatever else this process records stays as it is
        }
        try:
            self._cleanup.enter_context(_environment(place / "wandb"))
            self._run = self._start(common, place / "wandb")
            self._run.define_metric("trainer/global_step", hidden=True)
            self._run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
            self.lightning_logger = _logger(self._run, self._guard)
        except BaseException:
            self._cleanup.close()
            raise

    def _start(self, common: dict[str, Any], folder: Path) -> Run:
        import wandb

        def init(
            mode: Literal["online", "offline"], identity: str, resume: Literal["allow"] | None = None
        ) -> Run:
            known: dict[str, Any] = {
                "silent": True,
                "console": "off",
                "disable_code": True,
                "init_timeout": float(self._settings.init_timeout),
                "finish_timeout": float(self._settings.finish_timeout),
            }
            options = wandb.Settings(**{k: v for k, v in known.items() if k in wandb.Settings.model_fields})
            with _no_terminal():
                return wandb.init(mode=mode, id=identity, settings=options, resume=resume, **common)

        # offline, each attempt of a resumed run is a run of its own: two offline runs of one id do not sync
        attempts = len([*folder.glob("*run-*")])
        base = re.sub(r"[^\w.-]", "-", common["name"])[:100]
        offline_id = base if attempts == 0 else f"{base}-{attempts + 1}"
        if self._settings.mode == "online":
            try:
                return init("online", base, resume="allow")
            except Exception as error:
                say(
                    f"wandb: no online run ({kind_and_message(error)}); offline in {folder}, `wandb sync` uploads it"
                )
                _forget_session()
        return init("offline", offline_id)

    def publish(
        self, artifacts: ArtifactStore, summary: Mapping[str, Scalar], checkpoints: Sequence[Path]
    ) -> None:
        """Summary, figures, tables and files of ``artifacts``, and ``checkpoints`` with their lineage.

        One part that fails leaves out that part only.
        """
        guard, entries = self._guard, list(artifacts.entries())
        guard("the summary", lambda: self._run.summary.update(_json_mapping(summary)))
        for entry in entries:
            if entry.kind in ("figure", "table"):
                guard(f"{entry.kind} {entry.name}", self._media, entry)
        guard("the artifact of the evaluation", self._files, entries, summary)
        if self._settings.log_checkpoints:
            for path in checkpoints:
                guard(f"checkpoint {path.name}", self._checkpoint, path, summary)

    def _media(self, entry: Artifact) -> None:
        import pandas
        import wandb

        if entry.kind == "figure":
            caption = entry.title or entry.name
            images = [
                wandb.Image(str(path), caption=caption)
                for path in entry.paths
                if path.suffix in (".png", ".jpg")
            ]
            self._run.log({f"figures/{entry.name}": images[0] if len(images) == 1 else images})
            return
        parquet = [path for path in entry.paths if path.suffix == ".parquet"]
        frame = pandas.read_parquet(parquet[0]) if parquet else pandas.read_csv(entry.paths[0])
        head = frame.head(MAX_ROWS)
        cells = head.astype(object).where(head.notna(), None)
        rows = cells.to_numpy().tolist()
        columns: list[str | int] = [str(name) for name in frame.columns]
        table = wandb.Table(columns=columns, data=[*rows], allow_mixed_types=True)
        self._run.log({f"tables/{entry.name}": table})

    def _files(self, entries: Sequence[Artifact], summary: Mapping[str, Scalar]) -> None:
        import wandb

        # predictions for another program stay on the disk: they follow from checkpoint and data
        paths = {path.name: path for entry in entries if entry.kind != "folder" for path in entry.paths}
        if not paths:
            return
        metadata = self._lineage() | {"summary": _json_mapping(summary)}
        artifact = wandb.Artifact(f"evaluation-{self._run.id}", type="evaluation", metadata=metadata)
        for name, path in paths.items():
            artifact.add_file(str(path), name=name)  # staged: a later evaluation may write the file again
        self._run.log_artifact(artifact)

    def _checkpoint(self, path: Path, summary: Mapping[str, Scalar]) -> None:
        import wandb

        metadata = self._lineage() | {"summary": _json_mapping(summary), "checkpoint": path.stem}
        artifact = wandb.Artifact(f"model-{self._run.id}", type="model", metadata=metadata)
        artifact.add_file(str(path), name=path.name, policy="immutable", skip_cache=True)
        self._run.log_artifact(artifact, aliases=[path.stem])

    def _lineage(self) -> dict[str, object]:
        return {**_json_mapping(self._record), "run": self._run_name}

    def close(self, status: str) -> None:
        """Ends the W&B run, as failed unless ``status`` is ``finished``; waits ``finish_timeout`` at most."""
        try:
            self._guard("finishing", self._run.finish, exit_code=0 if status == "finished" else 1)
        finally:
            self._cleanup.close()


def dashboard_config(
    config: Mapping[str, object], record: Mapping[str, object], run_name: str
) -> dict[str, object]:
    """The resolved configuration as it is (dashboards show nested keys as ``model.variant``), and groupings.

    On top come ``paper experiment variant dataset seed config_hash`` and the rest of the run's identity; W&B
    advises against dots in keys, so that they are single words.
    """
    stored = StoredConfig.of(config)
    variant, dataset = stored.variant or None, stored.data.name or None
    top = {**record, "variant": variant, "dataset": dataset, "run": run_name}
    return _json_mapping({**config, **{key: value for key, value in top.items() if value is not None}})


def _json_mapping(value: Mapping[str, object]) -> dict[str, object]:
    """As JSON knows it, and W&B, which knows NaN too."""
    return {str(key): json_value(item, strict=False) for key, item in value.items()}


def _logger(run: Run, guard: Guard) -> Logger:
    from pytorch_lightning.loggers import WandbLogger

    class Logger(GuardedLogger, WandbLogger):
        """The history goes on, or not, without the trainer noticing."""

    logger = Logger(experiment=run, save_dir=run.dir, project=run.project)
    logger.guard = guard
    return logger


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """What W&B writes goes below ``folder`` while the block runs; its process ends with the block."""
    import wandb

    alone = wandb.run is None
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {"WANDB_DIR": folder.parent, "WANDB_DATA_DIR": folder, "WANDB_CACHE_DIR": folder / "cache"}
    wanted["WANDB_ARTIFACT_DIR"] = folder / "artifacts"
    before = {name: os.environ.get(name) for name in (*wanted, "WANDB_SILENT")}
    os.environ.update({name: str(path) for name, path in wanted.items()}, WANDB_SILENT="true")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if alone and wandb.run is None:
            _forget_session()  # its service keeps the folders of the environment that it was started in


def _forget_session() -> None:
    import wandb

    if wandb.run is None:
        wandb.teardown()


@contextmanager
def _no_terminal() -> Iterator[None]:
    """W&B asks for a key only where somebody can answer."""
    before = sys.stdin
    with open(os.devnull) as nobody:
        sys.stdin = nobody
        try:
            yield
        finally:
            sys.stdin = before
