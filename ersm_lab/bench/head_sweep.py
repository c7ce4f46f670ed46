"""A sweep of heads on cached features against the same recipe with the frozen backbone in the loop.

Both arms are ``ersm-lab train -m`` on the recipe of ``experiment=ersm/cifar10``, as many processes at a time, and differ in
``trainer.feature_cache.enabled`` alone. Each is timed as a whole: composing, process starts, training, evaluation, run
directories; the sweep fills an empty cache first. The backbone's weights are at hand for both: untrained, for what they
are does not change what they cost.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ersm_lab.bench.processes import lab, spend
from ersm_lab.bench.recheck import states
from ersm_lab.bench.table import Row
from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.errors import UserError
from ersm_lab.core.machine import cores
from ersm_lab.data.layouts import read_kind
from ersm_lab.data.module import ImageDataModule
from ersm_lab.data.splits import ImageData
from ersm_lab.files.archives import archive_of
from ersm_lab.nn.backbone import Backbone
from ersm_lab.nn.schema import BackboneConfig
from ersm_lab.papers.ersm.schema import ERSMConfig
from ersm_lab.training.build import build_data

RECIPE = "experiment=ersm/cifar10"
# 4 x 3 x 2 x 2 = 48 heads
GRID = (
    "model.mask.lambda_unary=0,1e-3,1e-2,1e-1",
    "model.mask.gamma_pairwise=1e-2,1e-1,0.33",
    "model.mask.patch_size=1,2",
    "seed=0,1",
)
RUNS = 3  # the goal: the sweep costs less than so many full runs


def data_words(folder: Path, images: int) -> tuple[list[str], str]:
    """Overrides that give the recipe about ``images`` images to train and validate on, and what these are: CIFAR-10's
    where the configuration finds it, otherwise pictures that are generated in ``folder``."""
    settings = compose_experiment([RECIPE]).config.data
    root, kind = Path(settings.root).absolute(), "CIFAR-10"
    if not root.is_dir() and archive_of(root) is None:
        root, kind = folder / "pictures", "generated pictures of 32 x 32 (no data/cifar10)"
        _generate(root / "train", 2 * images)
        _generate(root / "test", 2 * images // 5)
    total = len(read_kind(ImageData, settings.layout, root, settings.options).train)
    words = [f"data.root={root}", f"data.train_range=[0.5,{min(1.0, 0.5 + images / total)}]"]
    data = build_data(compose_experiment([RECIPE, *words]).config)
    assert isinstance(data, ImageDataModule)
    return words, f"{kind}: {len(data.train)} train, {len(data.val)} val, {len(data.test)} test"


def _generate(folder: Path, count: int, classes: int = 10) -> None:
    """``count`` pictures of noise around a colour of their class, as PNG files."""
    rng = np.random.default_rng(0)
    colours = rng.integers(64, 192, (classes, 3))
    for i in range(count):
        pixels = rng.normal(colours[i % classes], 40, (32, 32, 3)).clip(0, 255).astype(np.uint8)
        path = folder / f"class{i % classes}" / f"{i:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def arms(
    folder: Path, images: int, grid: Sequence[str] = GRID, changes: Sequence[str] = (), jobs: int = 1
) -> tuple[dict[str, list[str]], str]:
    """The words of both commands, ``sweep`` and ``full`` (``jobs`` seeds of it), and what the pictures are.

    Pictures, where they have to be made, and the backbone's weights are written to ``folder``; nothing else is yet.
    ``changes`` are overrides of both.
    """
    pictures, what = data_words(folder, images)
    recipe = [RECIPE, *pictures, "trainer.accelerator=cpu", *changes]
    weights = folder / "backbone.ckpt"
    model = compose_experiment(recipe).config.model
    assert isinstance(model, ERSMConfig)
    _save_backbone(model.backbone, weights)
    recipe += ["model.backbone.from_experiment=null", f"model.backbone.checkpoint={weights}"]
    recipe += [f"paths.cache={folder}/cache", f"jobs={jobs}"]
    sweep = [*recipe, *grid, f"paths.outputs={folder}/sweep"]
    full = [
        *recipe,
        "trainer.feature_cache.enabled=false",
        f"seed=range(0,{jobs})",
        f"paths.outputs={folder}/full",
    ]
    return {"sweep": sweep, "full": full}, what


def _save_backbone(settings: BackboneConfig, file: Path) -> None:
    """Untrained weights of the recipe's backbone, in the form of a run's checkpoint."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = Backbone(
            settings.name,
            out_index=settings.out_index,
            small_stem=settings.small_stem,
            kwargs=settings.kwargs,
        ).state_dict()
    torch.save({"state_dict": {f"backbone.{key}": value for key, value in state.items()}}, file)


def run(images: int = 2500, grid: Sequence[str] = GRID, changes: Sequence[str] = ()) -> list[Row]:
    """Two rows, time and memory; see ``arms``."""
    jobs = min(2, cores())
    costs, counts = {}, {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:  # a tracker may still be closing
        folder = Path(name)
        commands, what = arms(folder, images, grid, changes, jobs)
        for arm, words in commands.items():
            costs[arm] = spend(lab("train", "-m", *words))
            ended = states(folder / arm)
            if set(ended) != {"done"}:
                raise UserError(f"not every run of the {arm} was made: {', '.join(ended)}")
            counts[arm] = len(ended)
        stored = sum(path.stat().st_size for path in (folder / "cache").rglob("*") if path.is_file()) / 2**20
        epochs = compose_experiment([RECIPE, *changes]).config.trainer.max_epochs
    sweep, full = costs["sweep"], costs["full"]
    note = f"{what}; {epochs} epochs; {jobs} at a time, on the CPU; cold cache, {stored:.0f} MiB on disk; reference: a "
    note += f"full run, one of {counts['full']} side by side in {full.seconds:.1f} s; goal: less than {RUNS} of them"
    memory = f"all processes of {jobs} runs at a time, pages of the mapped cache included"
    return [
        Row(
            f"{counts['sweep']} heads",
            sweep.seconds,
            full.seconds / counts["full"],
            "s",
            round(1 / RUNS, 3),
            note,
        ),
        Row(f"{counts['sweep']} heads, memory", sweep.memory, full.memory, "MiB", note=memory),
    ]
