"""Settings of SLEM learners, with their choices and limits (no torch, no numba)."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.schema import ModelConfig
from ersm_lab.core.settings import Settings, setting

TRAVERSALS = ("raster", "serpentine", "column", "hilbert", "random")  # compiled code is handed the number
ACTIVATIONS = ("tanh", "relu", "sigmoid")  # as well
STEPS = ("plain", "normalised")
AGGREGATES = ("mean", "sum")
DTYPES = ("float32", "float64")
ALPHAS: tuple[float, ...] = (2, 3, 4, 6, 8, 12)
LEAST_WINDOW = 3  # pixels a side


def has_centre(window_size: int) -> bool:
    """Whether a pixel lies in the middle of a window of this side."""
    return window_size % 2 == 1


@dataclass
class LearnerSettings(Settings):
    """Of the learner of one image. ``ersm_lab.papers.slem.checks.checked`` holds them to the limits stated here.

    alphas: None is the direct form. step: ``plain``, dw = rate e df/dw; ``normalised``, that over |df/dw|^2 taken over all
    weights (for a linear model NLMS; stable for rates below about 2). pretrain_rate: Adam's step size; its other constants are
    the usual 0.9, 0.999 and 1e-8.
    """

    window_size: int = setting(
        5, "odd side, in pixels, of the window whose centre is predicted", ge=LEAST_WINDOW
    )
    hidden: list[int] = setting([16], "units per hidden layer", ge=1)
    learning_rate: float = setting(0.05, "step size of the sample-by-sample phase", ge=0)
    pretrain_epochs: int = setting(5, "epochs of mini-batches before that phase", ge=0)
    pretrain_rate: float = setting(0.01, "Adam's step size in the mini-batches", ge=0)
    pretrain_batch: int = setting(32, "windows per mini-batch", ge=1)
    memory: int = setting(30, "earlier samples that an increment is held against (M)", ge=1)
    order: int = setting(1, "order of the difference of the weight path", ge=1)
    alphas: list[float] | None = setting(
        list(ALPHAS), "sensitivities of the multiscale form; null: the direct form", gt=0
    )
    traversal: str = setting("raster", "order in which pixels are visited", choices=TRAVERSALS)
    seed: int = setting(0, "seed of fresh weights, mini-batches and the random traversal", ge=0)
    activation: str = setting("tanh", "activation of hidden units", choices=ACTIVATIONS)
    step: str = setting(
        "plain", "plain gradient steps, or steps divided by the squared gradient", choices=STEPS
    )
    aggregate: str = setting("mean", "how scores of weights become one number", choices=AGGREGATES)
    dtype: str = setting("float32", "number type of weights and maps", choices=DTYPES)


@dataclass
class SLEMConfig(LearnerSettings, ModelConfig):
    """An entropy learner under the shared trainer."""

    _target_: str = setting("ersm_lab.papers.slem.EntropyLearner", "the LightningModule's class")
    variant: str = setting(
        "slem", "the name under which dashboards and tables group this learner", changes_result=False
    )
    workers: int | None = setting(
        None,
        "images of a batch that are learnt at a time, a core each; null: all cores",
        ge=1,
        changes_result=False,
    )
    keep_mib: int = setting(
        1024,
        "MiB of maps that are held in memory; others are learnt again when needed",
        ge=0,
        changes_result=False,
    )

    @staticmethod
    def check(node: LearnerSettings) -> str | None:
        """What no limit of a single field says."""
        if not has_centre(node.window_size):
            return f"has window_size={node.window_size}, but a window has a centre: it must be odd"
        if not node.hidden:
            return "has hidden=[], but needs at least one hidden layer"
        if node.alphas is not None and not node.alphas:
            return "has alphas=[]; null is the direct form"
        return None
