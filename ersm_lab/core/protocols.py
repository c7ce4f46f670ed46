"""What the lab asks of a model and a data module. Structural types: a class that has these members fits, whatever it derives from.

Shapes: images ``(B, 3, H, W)``, features ``(B, C, h, w)``, tokens ``(B, N, D)``, logits ``(B, K)`` or ``(B, K, H, W)``.
Suites and what they are given are ``ersm_lab.evaluation.suite.Suite`` and ``ersm_lab.evaluation.subject.Subject``.
"""

from __future__ import annotations

import inspect
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Self, TypedDict, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from ersm_lab.core.schema import DataConfig, EvaluationConfig, ModelConfig

Scalar = bool | int | float | str | None
Summary = dict[str, Scalar]  # ``<split>/<metric>`` to a number


class Batch(TypedDict, total=False):
    """What loaders give and models take; which keys are there depends on the data."""

    image: Tensor
    features: Tensor
    label: Tensor
    index: Tensor
    mask: Tensor
    name: list[str]


class Model(Protocol):
    """A trained model that can be moved: any ``torch.nn.Module``."""

    def to(self, device: torch.device, dtype: torch.dtype) -> Self: ...
    def eval(self) -> Self: ...
    def state_dict(self) -> Mapping[str, Tensor]: ...


@runtime_checkable
class ShowsProgress(Protocol):
    """A LightningModule that says which of its logged metrics the line of an epoch shows."""

    progress: Sequence[str]


@runtime_checkable
class Compilable(Protocol):
    """A LightningModule that says which of its parts are worth compiling."""

    def compile_parts(self) -> None:
        """``torch.compile`` for the parts that do the work."""


class TokenMask(Protocol):
    """A mask over tokens: ``keep_prob (B, N)`` in [0, 1]."""

    @property
    def keep_prob(self) -> Tensor: ...


class ClassifierOutput(Protocol):
    """Logits ``(B, K)``, and the mask of a model that has one."""

    @property
    def logits(self) -> Tensor: ...
    @property
    def mask(self) -> TokenMask | None: ...


class Classifier(Model, Protocol):
    """What accuracy and occlusion are measured on: any module from images ``(B, 3, H, W)`` to logits ``(B, K)``."""

    def __call__(self, images: Tensor) -> Tensor: ...


@runtime_checkable
class FeatureClassifier(Classifier, Protocol):
    """A classifier in two steps: models with equal backbones share the first, and cached features replace it."""

    backbone: nn.Module

    def features(self, images: Tensor) -> Tensor:
        """``(B, 3, H, W)`` to ``(B, C, h, w)``."""

    def classify(self, features: Tensor, forced_mask: Tensor | None = None) -> ClassifierOutput:
        """Features to logits; ``forced_mask`` ``(B, N)`` stands for the model's own mask."""


class TokenGeometry(TypedDict):
    """How tokens lie on the features: positions per side of a token, and the real positions ``(N,)`` of each."""

    patch_size: int
    positions: Tensor


@runtime_checkable
class TokenClassifier(FeatureClassifier, Protocol):
    """A classifier whose head sees a grid of tokens: what deletion and localisation are measured on.

    ``head``: pooled vectors to logits. ``pool``: ``mean`` or ``masked_mean``. ``grid_size``: (rows, columns) of tokens of
    ``patch_size`` positions a side.
    """

    head: nn.Module
    pool: str
    grid_size: tuple[int, int]
    patch_size: int

    def tokens(self, features: Tensor) -> Tensor:
        """``(B, C, h, w)`` to ``(B, N, D)``."""

    def deletion_geometry(self, features: Tensor) -> TokenGeometry:
        """How the tokens of these features lie."""


class SegmenterOutput(Protocol):
    """Logits ``(B, K, H, W)``."""

    @property
    def logits(self) -> Tensor: ...


@runtime_checkable
class MaskedSegmenterOutput(SegmenterOutput, Protocol):
    """Logits, the importance logit ``(B, 1, h, w)`` of a network that has one, and masks, each ``(B, 1, h, w)``."""

    @property
    def importance_logit(self) -> Tensor | None: ...
    @property
    def masks(self) -> Sequence[Tensor]: ...


class SegmentationModel(Model, Protocol):
    """A segmentation network: what the suite of segmenters is given."""

    def segment(self, images: Tensor) -> SegmenterOutput:
        """Logits of images, with importance and masks where the network has them."""

    @property
    def network(self) -> nn.Module:
        """What its cost is measured of."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(H, W) of training crops, in pixels, at which its cost is measured."""


@runtime_checkable
class MaskedSegmentationModel(SegmentationModel, Protocol):
    """A segmentation network that may have masks: what coverage and seams are measured on."""

    @property
    def mask_ratios(self) -> tuple[float, ...]:
        """The share of cells in each mask; ``()`` without masks."""

    def is_control_of(self, other: MaskedSegmentationModel) -> bool:
        """Whether ``other`` has masks and this is the same network without: what masks do is their difference."""


class DataModule(Protocol):
    """What the trainer asks of a data module, besides Lightning's own hooks."""

    def setup(self, stage: str | None = None) -> None: ...

    def model_settings(self) -> Mapping[str, object]:
        """What a model may know of the data: it is handed those that its class has keywords for."""

    def train_dataloader(self) -> Iterable[Batch]:
        """The training split in the order of the epoch."""

    def eval_dataloader(self, name: str, rank_share: bool = True) -> Iterable[Batch]:
        """A split in order; ``rank_share`` False gives every process all of it."""


class Items(Protocol):
    """A split as a model sees it: items by place, without augmentation."""

    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> Batch: ...


class NamedSplit(Protocol):
    """A split as it lies on disk: how its images are called, and whether they have object masks."""

    @property
    def has_masks(self) -> bool: ...
    def name(self, i: int) -> str: ...


class LabelledImages(DataModule, Protocol):
    """The data module of classifiers, set up: what their suites read."""

    classes: Sequence[str]
    has_masks: bool

    @property
    def root(self) -> Path: ...
    @property
    def normalisation(self) -> tuple[Sequence[float], Sequence[float]]:
        """Mean and standard deviation of each channel, in [0, 1], with which images were normalised."""

    def split(self, name: str) -> NamedSplit:
        """The raw split ``train``, ``val`` or ``test``."""

    def view_dataset(self, name: str, view: int | None) -> Items:
        """A split under one augmented view, or under the evaluation transform when ``view`` is None."""


class TrainerSettings(Protocol):
    """What a plug-in may read of the group ``trainer``."""

    @property
    def max_epochs(self) -> int: ...


class PathsSettings(Protocol):
    """The group ``paths``: folders of data sets, of runs, and of what can be rebuilt."""

    @property
    def data(self) -> str: ...
    @property
    def outputs(self) -> str: ...
    @property
    def cache(self) -> str: ...


class RunSettings(Protocol):
    """What a plug-in may read of a composed configuration."""

    @property
    def seed(self) -> int: ...
    @property
    def paths(self) -> PathsSettings: ...
    @property
    def data(self) -> DataConfig: ...
    @property
    def model(self) -> ModelConfig: ...
    @property
    def evaluation(self) -> EvaluationConfig: ...
    @property
    def trainer(self) -> TrainerSettings: ...


class Composed(Protocol):
    """A checked experiment."""

    @property
    def config(self) -> RunSettings: ...


# overrides to a checked experiment; ``UserError`` with one line
Compose = Callable[[Sequence[str]], Composed]


class Verb(Protocol):
    """A module that adds a verb to the command line; a plug-in names it in its ``verbs``. It imports no torch on import.

    ``SUMMARY``: one line for ``ersm-lab --help``.
    """

    SUMMARY: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The verb's words: ``words``, a positional list, holds those of the form ``setting=value``."""

    def run(self, arguments: Namespace, compose: Compose) -> int:
        """Does the work, and returns the exit code. Raises ``UserError`` with one line for words that are wrong."""

    def completions(self) -> Sequence[str]:
        """What may stand before a value, such as ``model=``, for shell completion."""


def missing_member(thing: object, protocol: type) -> str | None:
    """The first public member of a protocol that ``thing`` lacks, in the order of their definition; None where it has all.

    ``isinstance`` says no more than yes or no, and from Python 3.12 on it looks past the submodules of a ``torch.nn.Module``.
    """
    for kind in reversed(protocol.__mro__):
        # the only classes above a protocol are protocols, `Protocol`, `Generic` and `object`, which have no public members
        for name in (*inspect.get_annotations(kind), *vars(kind)):
            if not name.startswith("_") and not hasattr(thing, name):
                return name
    return None
