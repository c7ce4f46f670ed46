"""The schema of every configuration group that is not a paper's own (those live in ``papers/<paper>/schema.py``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from ersm_lab.nn.schema import OptimizerConfig
from ersm_lab.settings import setting

IMAGENET_MEAN = [0.485, 0.456, 0.406]
IMAGENET_STD = [0.229, 0.224, 0.225]


@dataclass
class PathsConfig:
    """Where things are; none of it changes a result, so none of it enters the config hash."""

    data: str = setting(
        "${oc.env:ERSM_LAB_DATA,data}", "data sets are looked up, and generated, below this folder"
    )
    outputs: str = setting("${oc.env:ERSM_LAB_OUTPUTS,outputs}", "run directories")
    cache: str = setting(
        "${oc.env:ERSM_LAB_CACHE,${paths.outputs}/.cache}", "what can be rebuilt, such as features"
    )


OCCLUDERS = ("square", "horizontal_bars", "vertical_bars", "grid", "scattered", "checkerboard", "border")
FILLS = ("mean", "black", "noise", "blur", "image")


@dataclass
class OcclusionAugmentConfig:
    """Structured occlusion of training pictures."""

    enabled: bool = setting(False, "cover training pictures")
    shapes: list[str] = setting(list(OCCLUDERS), "of which one is drawn", choices=OCCLUDERS)
    area: list[float] = setting([0.1, 0.5], "[low, high] share of the picture", ge=0, le=1)
    fill: str = setting(
        "mean", "what covered pixels become", choices=[name for name in FILLS if name != "image"]
    )
    p: float = setting(0.5, "probability that a picture is covered", ge=0, le=1)

    @staticmethod
    def check(node: Any) -> str | None:
        if len(node.area) != 2 or not node.area[0] <= node.area[1]:
            return f"has area {list(node.area)}, but must have [LOW, HIGH] with LOW <= HIGH"
        return None if node.shapes else "has no shapes"


@dataclass
class TransformConfig:
    """Images to tensors; torchvision v2 does the work, masks go along."""

    size: int = setting(224, "side of the square that the model sees, pixels", ge=8)
    train_scale: list[float] | None = setting(
        [0.8, 1.0], "area range of the random resized crop; null: none", gt=0, le=1
    )
    hflip: bool = setting(True, "horizontal flips in training")
    occlusion: OcclusionAugmentConfig = setting(OcclusionAugmentConfig)
    eval_resize: float | None = setting(
        1.14, "short side over size before the centre crop; null: as it is", ge=1
    )
    mean: list[float] = setting(IMAGENET_MEAN, "per channel, of values in [0, 1]")
    std: list[float] = setting(IMAGENET_STD, "per channel", gt=0)


@dataclass
class DataConfig:
    """A labelled image data set and how it is served."""

    _target_: str = "ersm_lab.data.module.ImageDataModule"
    name: str = setting(MISSING, "for people and dashboards")
    layout: str = setting(MISSING, "how the files lie: a module of ersm_lab.data.layouts")
    root: str = setting(MISSING, "the folder (or archive) that holds it")
    options: dict[str, Any] = setting({}, "of the layout")
    transform: TransformConfig = setting(TransformConfig)
    batch_size: int = setting(32, "images per optimizer micro-batch and device", ge=1)
    eval_batch_size: int | None = setting(None, "in validation and test; null: twice batch_size", ge=1)
    num_workers: int = setting(0, "loader processes; 0: in the main process", ge=0)
    val_fraction: float = setting(
        0.1, "carved from train where the data set has no validation split", gt=0, lt=1
    )
    split_seed: int = setting(0, "of the carving; not the run's seed, so that all seeds share a split", ge=0)
    train_range: list[float] = setting([0.0, 1.0], "slice of a seeded stratified order of train", ge=0, le=1)
    views: int = setting(0, "0: new augmentation every epoch; v: v fixed views of each image, in turn", ge=0)

    @staticmethod
    def check(node: Any) -> str | None:
        low, high = [*node.train_range, 0.0, 0.0][:2]
        if len(node.train_range) != 2 or not low < high:
            return f"has train_range {list(node.train_range)}, but must have [LOW, HIGH] with LOW < HIGH"
        return None


@dataclass
class RareCropConfig:
    """Training crops over classes that are small or seldom."""

    enabled: bool = setting(False, "look for them")
    p: float = setting(0.5, "probability that a crop is laid over a pixel of such a class", ge=0, le=1)
    classes: list[str] | None = setting(None, "their names; null: the data set's thin structures")


@dataclass
class JitterConfig:
    """Photometric jitter, as torchvision's ColorJitter."""

    enabled: bool = setting(False, "change colours of training pictures")
    brightness: float = setting(0.3, "largest relative change", ge=0)
    contrast: float = setting(0.3, "largest relative change", ge=0)
    saturation: float = setting(0.3, "largest relative change", ge=0)
    hue: float = setting(0.05, "largest turn, of a full one", ge=0, le=0.5)


@dataclass
class SceneTransformConfig:
    """Pictures and their labels to tensors: crops in training, whole pictures in validation."""

    crop: list[int] = setting([768, 768], "[H, W] of training crops, pixels", ge=8)
    resize: list[int] | None = setting(
        None, "[H, W] that every picture is brought to first, to save time; null: as it is", ge=8
    )
    scale: list[float] = setting([0.5, 2.0], "[low, high] of the random scale of training pictures", gt=0)
    hflip: bool = setting(True, "horizontal flips in training")
    rare: RareCropConfig = setting(RareCropConfig)
    jitter: JitterConfig = setting(JitterConfig)
    mean: list[float] = setting(IMAGENET_MEAN, "per channel, of values in [0, 1]")
    std: list[float] = setting(IMAGENET_STD, "per channel", gt=0)

    @staticmethod
    def check(node: Any) -> str | None:
        if len(node.crop) != 2 or (node.resize is not None and len(node.resize) != 2):
            return "needs [HEIGHT, WIDTH] as crop and as resize"
        if len(node.scale) != 2 or not node.scale[0] <= node.scale[1]:
            return f"has scale {list(node.scale)}, but must have [LOW, HIGH] with LOW <= HIGH"
        return None


@dataclass
class PackConfig:
    """A cache of raw pixels, of which a training crop reads its rows only; what comes out is the same."""

    enabled: bool = setting(False, "use it, and write it first where it is missing")
    folder: str = setting("${paths.cache}/packed", "where")


@dataclass
class SegmentationDataConfig:
    """Pictures with a label for each pixel, and how they are served."""

    _target_: str = "ersm_lab.data.segmentation.SegmentationDataModule"
    name: str = setting(MISSING, "for people and dashboards")
    layout: str = setting(MISSING, "how the files lie: a module of ersm_lab.data.layouts")
    root: str = setting(MISSING, "the folder that holds it")
    options: dict[str, Any] = setting({}, "of the layout")
    transform: SceneTransformConfig = setting(SceneTransformConfig)
    batch_size: int = setting(8, "crops per optimizer micro-batch and device", ge=1)
    eval_batch_size: int = setting(1, "whole pictures; more than 1 only where all have one size", ge=1)
    num_workers: int = setting(0, "loader processes; 0: in the main process", ge=0)
    pack: PackConfig = setting(PackConfig)


@dataclass
class FeatureCacheConfig:
    """Features of a frozen backbone, computed once and memory-mapped."""

    enabled: bool = setting(False, "needs model.freeze_backbone; data.views = 0 counts as 1")
    dtype: str = setting("float32", "as stored", choices=("float32", "float16", "bfloat16"))
    batch_size: int = setting(128, "images per forward while the cache is built", ge=1)


@dataclass
class TrainerConfig:
    """The shared trainer. ``max_steps`` wins over ``max_epochs`` when it is set."""

    accelerator: str = setting("auto", "where to run", choices=("auto", "cpu", "gpu", "mps"))
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
    log_every: int = setting(10, "steps between rows of metrics.csv", ge=1)
    checkpoint_every_steps: int | None = setting(None, "besides one per epoch", ge=1)
    limit_train_batches: int | None = setting(None, "for trials", ge=1)
    limit_eval_batches: int | None = setting(None, "for trials", ge=1)
    threads: int | None = setting(None, "CPU threads of torch; null: torch decides", ge=1)
    tf32: bool = setting(True, "CUDA: TensorFloat-32 in float32 matrix products")
    progress: str = setting(
        "auto", "bar in a terminal, plain lines elsewhere", choices=("auto", "bar", "lines", "none")
    )
    feature_cache: FeatureCacheConfig = setting(FeatureCacheConfig)


@dataclass
class CheckpointConfig:
    monitor: str = setting("val/accuracy", "what makes a checkpoint the best")
    mode: str = setting("max", "which way is better", choices=("max", "min"))


@dataclass
class CallbacksConfig:
    """What watches the training."""

    checkpoint: CheckpointConfig = setting(CheckpointConfig)
    patience: int | None = setting(None, "stop after so many validations without a better monitor", ge=1)
    extra: dict[str, Any] = setting({}, "further Lightning callbacks: name -> {_target_: ..., keywords}")


RANKINGS = (
    "energy", "total_energy", "magnitude", "grad_cam", "grad_cam_baseline", "integrated_gradients", "centre",
    "position_only", "random",
)  # fmt: skip


@dataclass
class DeletionConfig:
    """The deletion protocol, at the level of tokens."""

    enabled: bool = setting(False, "asked for by the suites that read it")
    rankings: list[str] = setting(list(RANKINGS), "those that a model has are used", choices=RANKINGS)
    draws: int = setting(5, "of the random ranking", ge=1)
    baseline: str | None = setting(None, "run directory of the plain classifier, for grad_cam_baseline")
    position_only: str | None = setting(None, "run directory of the position-only control")


@dataclass
class PixelDeletionConfig:
    """Deletion and insertion of pixels."""

    enabled: bool = setting(False, "with the suites deletion and stress")
    ranking: str = setting("grad_cam", "upsampled from tokens to pixels", choices=RANKINGS)
    steps: int = setting(20, "points of the curve besides its start", ge=1)
    fills: list[str] = setting(["mean"], "what deleted pixels become", choices=("mean", "blur", "noise"))
    images: int = setting(500, "of the split, evenly spread", ge=1)


@dataclass
class OcclusionConfig:
    """Structured occlusion: every shape at every area with the first fill, and squares with the others."""

    enabled: bool = setting(False, "asked for by the suites that read it")
    shapes: list[str] = setting(
        [*OCCLUDERS, "object", "background"],
        "the last two where the data have object masks",
        choices=(*OCCLUDERS, "object", "background"),
    )
    areas: list[float] = setting([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], "share of the image", ge=0, le=0.7)
    fills: list[str] = setting(list(FILLS), "what occluded pixels become", choices=FILLS)
    seed: int = setting(0, "of where the occluders lie; the same for every model", ge=0)


@dataclass
class EvaluationConfig:
    """What is measured on a finished training, and later with `ersm-lab evaluate`."""

    name: str = setting("classification", "names the folder of the evaluation")
    suite: str = setting("classification", "a module of ersm_lab.evaluation")
    split: str = setting("test", "which split is read", choices=("val", "test"))
    checkpoint: str = setting("best", "which checkpoint is read", choices=("best", "last"))
    panels: int = setting(6, "images in the panel figure; 0: none", ge=0, le=64)
    deletion: DeletionConfig = setting(DeletionConfig)
    pixel_deletion: PixelDeletionConfig = setting(PixelDeletionConfig)
    occlusion: OcclusionConfig = setting(OcclusionConfig)


@dataclass
class InferenceConfig:
    """How a whole picture is predicted."""

    mode: str = setting("whole", "in one pass, or in windows that overlap", choices=("whole", "slide"))
    window: list[int] = setting([768, 768], "[H, W] of a sliding window, pixels", ge=8)
    stride: float = setting(0.667, "from window to window, as a share of its side", gt=0, le=1)
    scales: list[float] = setting([1.0], "of which probabilities are averaged", gt=0)
    flip: bool = setting(False, "average with the mirrored picture")

    @staticmethod
    def check(node: Any) -> str | None:
        return (
            None if len(node.window) == 2 and node.scales else "needs a window [H, W] and at least one scale"
        )


@dataclass
class SegmentationEvaluationConfig(EvaluationConfig):
    """What is measured of a segmentation network."""

    inference: InferenceConfig = setting(InferenceConfig)
    boundaries: bool = setting(True, "scores of borders: Boundary IoU, Boundary F, trimaps")
    importance: bool = setting(True, "does the importance map point at errors and borders")
    seams: bool = setting(True, "do the masks leave seams; paired where the control is evaluated too")
    cost: bool = setting(True, "parameters, multiply-adds, latency")
    export: str | None = setting(
        None,
        "write predictions as labelId pictures that the official evaluator reads",
        choices=("cityscapes",),
    )


@dataclass
class LoggerConfig:
    """A tracker besides the run directory, which always holds everything."""

    name: str = setting("wandb", "the tracker", choices=("wandb", "tensorboard", "csv"))


@dataclass
class WandbConfig(LoggerConfig):
    """Weights & Biases. `auto` never asks and never calls out: it records offline."""

    mode: str = setting("auto", "online is opt-in", choices=("auto", "offline", "online", "disabled"))
    project: str = setting("ersm_lab")
    entity: str | None = setting(None, "user or team; null: the account's default")
    group: str | None = setting(None, "null: <paper>/<experiment>")
    job_type: str | None = setting(None, "null: train or evaluate")
    tags: list[str] = setting([])
    init_timeout: int = setting(30, "seconds to wait for the server before going offline", ge=1)
    finish_timeout: int = setting(60, "seconds to wait for the last uploads", ge=1)
    log_checkpoints: bool = setting(True, "as model artifacts")


@dataclass
class LabConfig:
    """The root: one experiment."""

    name: str | None = setting(
        None, "folder of the runs below outputs/<paper>/; null: the chosen experiment's name"
    )
    seed: int = setting(0, "of everything random but the splits", ge=0, lt=2**31)
    resume: str | None = setting(None, "a run directory whose training goes on from checkpoints/last.ckpt")
    paths: PathsConfig = setting(PathsConfig)
    data: Any = MISSING
    model: Any = MISSING
    optimizer: OptimizerConfig = setting(OptimizerConfig)
    trainer: TrainerConfig = setting(TrainerConfig)
    evaluation: EvaluationConfig = setting(EvaluationConfig)
    logger: Any = MISSING
    callbacks: CallbacksConfig = setting(CallbacksConfig)
    extra: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def check(node: Any) -> str | None:
        if node.trainer.feature_cache.enabled and not node.model.get("freeze_backbone", False):
            return "trainer.feature_cache.enabled=true needs model.freeze_backbone=true: trained features cannot be cached"
        return None


SCHEMAS: dict[tuple[str, str], type] = {
    ("", "schema"): LabConfig,
    ("paths", "schema"): PathsConfig,
    ("data", "schema"): DataConfig,
    ("data", "schema_segmentation"): SegmentationDataConfig,
    ("optimizer", "schema"): OptimizerConfig,
    ("trainer", "schema"): TrainerConfig,
    ("evaluation", "schema"): EvaluationConfig,
    ("evaluation", "schema_segmentation"): SegmentationEvaluationConfig,
    ("callbacks", "schema"): CallbacksConfig,
    ("logger", "schema"): LoggerConfig,
    ("logger", "schema_wandb"): WandbConfig,
}
