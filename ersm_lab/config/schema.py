"""The root of every configuration, and the groups that belong to no paper: paths, trainer, callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING, DictConfig

from ersm_lab.core.schema import DataConfig, EvaluationConfig, LoggerConfig, ModelConfig
from ersm_lab.core.settings import Settings, setting
from ersm_lab.nn.schema import OptimizerConfig


@dataclass
class PathsConfig(Settings):
    """Where things are; none of it changes a result, so none of it enters the config hash."""

    data: str = setting(
        "${oc.env:ERSM_LAB_DATA,data}", "data sets are looked up, and generated, below this folder"
    )
    outputs: str = setting("${oc.env:ERSM_LAB_OUTPUTS,outputs}", "run directories")
    cache: str = setting(
        "${oc.env:ERSM_LAB_CACHE,${paths.outputs}/.cache}", "what can be rebuilt, such as features"
    )
    plugins: str | None = setting(
        "${oc.env:ERSM_LAB_PLUGINS,null}",
        "plug-ins in a folder are found as DIR/NAME/plugin.py; a word of every verb",
    )


@dataclass
class FeatureCacheConfig(Settings):
    """Features of a frozen backbone, computed once and memory-mapped."""

    enabled: bool = setting(False, "needs model.freeze_backbone; data.views = 0 counts as 1")
    dtype: str = setting("float32", "as stored", choices=("float32", "float16", "bfloat16"))
    batch_size: int = setting(128, "images per forward while the cache is built", ge=1, changes_result=False)


@dataclass
class TrainerConfig(Settings):
    """The shared trainer. ``max_steps`` wins over ``max_epochs`` when it is set."""

    accelerator: str = setting(
        "auto", "where to run", choices=("auto", "cpu", "gpu", "mps"), changes_result=False
    )
    devices: int = setting(1, "processes, one device each", ge=1)
    num_nodes: int = setting(1, "machines", ge=1)
    strategy: str = setting(
        "auto", "how processes share the work", choices=("auto", "ddp", "ddp_find_unused_parameters_true")
    )
    precision: str = setting(
        "32-true", "of the arithmetic", choices=("32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true")
    )
    max_epochs: int = setting(20, "passes over train", ge=1)
    max_steps: int | None = setting(None, "optimizer steps", ge=1)
    accumulate: int = setting(1, "micro-batches per optimizer step", ge=1)
    clip_norm: float | None = setting(None, "largest gradient norm; null: no clipping", gt=0)
    channels_last: bool = setting(False, "memory format of images and convolutions")
    compile: bool = setting(False, "torch.compile the model")
    ema_decay: float | None = setting(
        None, "exponential moving average of the weights, which is then what is kept", gt=0, lt=1
    )
    deterministic: bool = setting(False, "refuse operations without a deterministic kernel")
    check_val_every: int = setting(1, "epochs between validations", ge=1)
    log_every: int = setting(10, "steps between rows of metrics.csv", ge=1, changes_result=False)
    checkpoint_every_steps: int | None = setting(None, "besides one per epoch", ge=1, changes_result=False)
    limit_train_batches: int | None = setting(None, "for trials", ge=1)
    limit_eval_batches: int | None = setting(None, "for trials", ge=1)
    threads: int | None = setting(
        None, "CPU threads of torch; null: torch decides", ge=1, changes_result=False
    )
    tf32: bool = setting(True, "CUDA: TensorFloat-32 in float32 matrix products")
    progress: str = setting(
        "auto",
        "bar in a terminal, plain lines elsewhere",
        choices=("auto", "bar", "lines", "none"),
        changes_result=False,
    )
    feature_cache: FeatureCacheConfig = setting(FeatureCacheConfig)


@dataclass
class CheckpointConfig(Settings):
    """Which checkpoint is kept as the best."""

    monitor: str = setting("val/accuracy", "what makes a checkpoint the best")
    mode: str = setting("max", "which way is better", choices=("max", "min"))


@dataclass
class CallbacksConfig(Settings):
    """What watches the training."""

    checkpoint: CheckpointConfig = setting(CheckpointConfig)
    patience: int | None = setting(None, "stop after so many validations without a better monitor", ge=1)
    extra: dict[str, Any] = setting({}, "further Lightning callbacks: name -> {_target_: ..., keywords}")


@dataclass
class RunConfig(Settings):
    """The root: one experiment."""

    name: str | None = setting(
        None,
        "folder of the runs below outputs/<paper>/; null: the chosen experiment's name",
        changes_result=False,
    )
    seed: int = setting(0, "of everything random but the splits", ge=0, lt=2**31)
    paths: PathsConfig = setting(PathsConfig, changes_result=False)
    data: DataConfig = MISSING
    model: ModelConfig = MISSING
    optimizer: OptimizerConfig = setting(OptimizerConfig)
    trainer: TrainerConfig = setting(TrainerConfig)
    evaluation: EvaluationConfig = setting(EvaluationConfig)
    logger: LoggerConfig = setting(MISSING, changes_result=False)
    callbacks: CallbacksConfig = setting(CallbacksConfig)
    extra: dict[str, Any] = setting(
        {}, "anything of yours: it changes nothing and stays with the run", changes_result=False
    )

    @staticmethod
    def check(node: DictConfig) -> str | None:
        if node.trainer.feature_cache.enabled and not node.model.get("freeze_backbone", False):
            return "trainer.feature_cache.enabled=true needs model.freeze_backbone=true: trained features cannot be cached"
        return None


SCHEMAS: dict[tuple[str, str], type[Settings]] = {
    ("", "schema"): RunConfig,
    ("paths", "schema"): PathsConfig,
    ("optimizer", "schema"): OptimizerConfig,
    ("trainer", "schema"): TrainerConfig,
    ("evaluation", "schema"): EvaluationConfig,
    ("callbacks", "schema"): CallbacksConfig,
}
