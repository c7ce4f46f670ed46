"""Segmentation: crops from the packed cache, scores against the official evaluator, FoR-Net against DeepLabV3+."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from PIL import Image

from ersm_lab.bench.measure import alternate, threads
from ersm_lab.bench.table import Row
from ersm_lab.core.protocols import Batch
from ersm_lab.data.layouts import cityscapes
from ersm_lab.data.packed import packed
from ersm_lab.data.scene_transforms import SceneTransform
from ersm_lab.data.scenes import SceneSplit, read_labels
from ersm_lab.data.schema import JitterConfig, SceneTransformConfig
from ersm_lab.data.segmentation import SceneDataset
from ersm_lab.data.streets import make_scene, write_scene
from ersm_lab.metrics.cityscapes_scores import CityscapesScores
from ersm_lab.nn.cost import network_cost
from ersm_lab.nn.memory import peak_memory
from ersm_lab.papers.fornet import FoRNetSegmenter
from ersm_lab.vision.cityscapes import CITYSCAPES

CPU = torch.device("cpu")


def run(pictures: int = 4, height: int = 1024, width: int = 2048) -> list[Row]:
    """Generated street scenes at Cityscapes' size and in its layout; one core."""
    with tempfile.TemporaryDirectory() as folder, threads(1):
        root = Path(folder)
        for i in range(pictures):
            write_scene(root, "val", "town", i, make_scene((0, 1, i), height, width))
        (root / "leftImg8bit" / "train").symlink_to(root / "leftImg8bit" / "val")
        (root / "gtFine" / "train").symlink_to(root / "gtFine" / "val")
        split = cityscapes.read(root).val
        rows = [_crops(split, root / "cache", jitter) for jitter in (False, True)]
        rows += _scores(split, root)
    with threads(1):
        rows += [_forward()]
        rows += _throughput() if torch.cuda.is_available() else []
    return rows


def _crops(split: SceneSplit, cache: Path, jitter: bool) -> Row:
    """Crops of 768 x 768, scale 0.5 to 2, from the cache and from PNG files as published."""
    settings = SceneTransformConfig(jitter=JitterConfig(enabled=jitter, hue=0.0))
    transform = SceneTransform(settings, train=True)
    ours, theirs = SceneDataset(packed(split, cache / "val"), transform), SceneDataset(split, transform)
    count = len(split)

    def from_cache() -> object:
        return [ours[(epoch, i)] for epoch in range(4) for i in range(count)]

    def from_files() -> object:
        return [theirs[(0, i)] for i in range(count)]

    seconds = alternate([from_cache, from_files], CPU, rounds=3)
    what = "with colour jitter" if jitter else "scale, crop, flip"
    note = "crops of 768 x 768 of 1024 x 2048; the reference decodes the PNG files; a warm page cache"
    return Row(
        f"training crop, {what}", 1e3 * seconds[0] / (4 * count), 1e3 * seconds[1] / count, "ms", 10, note
    )


def _scores(split: SceneSplit, root: Path) -> list[Row]:
    """Label pictures to class and category IoU and both iIoU, decoded beforehand and from files; and with boundary scores on top."""
    results = root / "results"
    results.mkdir()
    rng = np.random.default_rng(0)
    for i in range(len(split)):
        Image.fromarray(_imperfect(split.label_ids(i), rng)).save(results / f"{split.names[i]}.png")
    module, official = _official(root)
    expected = official()

    def maps(i: int) -> list[torch.Tensor]:
        read = (read_labels(results / f"{split.names[i]}.png"), split.label_ids(i), split.instance_ids(i))
        return [torch.from_numpy(np.ascontiguousarray(picture))[None] for picture in read]

    held = [maps(i) for i in range(len(split))]
    found: dict[str, float] = {}

    def ours(boundaries: bool, decoded: bool) -> Callable[[], object]:
        def function() -> None:
            scores = CityscapesScores(boundaries=boundaries)
            for i in range(len(split)):
                prediction, truth, instances = held[i] if decoded else maps(i)
                scores.update(prediction, truth, instances)
            found.update({key: float(value) for key, value in scores.compute().items()})

        return function

    rows = []
    pictures = _Opened()
    for boundaries, decoded, goal in (
        (False, True, 5.0),
        (False, False, None),
        (True, True, 2.0),
        (True, False, None),
    ):
        module.Image = pictures if decoded else Image  # type: ignore[attr-defined]
        seconds = alternate([ours(boundaries, decoded), official], CPU, rounds=3)
        pairs = (
            ("miou", "averageScoreClasses"),
            ("category_iou", "averageScoreCategories"),
            ("iiou", "averageScoreInstClasses"),
        )
        worst = max(abs(found[a] - expected[b]) for a, b in pairs)
        what = "class and category IoU, iIoU" + (", Boundary IoU and F, trimaps" if boundaries else "")
        note = (
            f"1024 x 2048, {len(split)} pictures, {'decoded beforehand' if decoded else 'from PNG files'}; the reference is cityscapesscripts "
            f"as pip installs it, without boundary scores; largest difference {worst:.1g}"
        )
        rows.append(
            Row(
                f"scores: {what}",
                1e3 * seconds[0] / len(split),
                1e3 * seconds[1] / len(split),
                "ms/image",
                goal,
                note,
            )
        )
    return rows


class _Opened:
    """In the place of PIL's module: pictures that were decoded when they were first asked for."""

    def __init__(self) -> None:
        self.held: dict[str, Image.Image] = {}

    def open(self, path: str) -> Image.Image:
        if path not in self.held:
            self.held[path] = Image.open(path)
            self.held[path].load()
        return self.held[path]


def _imperfect(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The truth moved by some pixels, with blocks of other classes: errors at borders and elsewhere, as a network makes."""
    found = np.roll(labels, (3, -4), (0, 1)).copy()
    for _ in range(40):
        r, c = rng.integers(0, labels.shape[0] - 60), rng.integers(0, labels.shape[1] - 60)
        found[r : r + 60, c : c + 60] = rng.choice([7, 11, 21, 26])
    evaluated = np.isin(found, CITYSCAPES.to_id)
    return np.where(evaluated, found, 7).astype(np.uint8)


def _official(root: Path) -> tuple[ModuleType, Callable[[], dict[str, float]]]:
    """The evaluator's module and its own routine on the files; it reads its folders when it is imported."""
    (root / "evaluationResults").mkdir()
    folders = {"DATASET": root, "RESULTS": root / "results", "EXPORT_DIR": root / "evaluationResults"}
    os.environ.update({f"CITYSCAPES_{key}": str(path) for key, path in folders.items()})
    if not hasattr(np, "in1d"):  # removed in numpy 2.4, which the evaluator does not know yet
        np.in1d = lambda a, b, **kw: np.isin(np.ravel(a), b, **kw)  # type: ignore[attr-defined]
    module = importlib.reload(
        importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    )
    module.args.quiet, module.args.JSONOutput = True, False
    truths = [str(path) for path in sorted((root / "gtFine" / "val").glob("*/*_labelIds.png"))]
    predictions = [module.getPrediction(module.args, path) for path in truths]

    def official() -> dict[str, float]:
        with contextlib.redirect_stdout(io.StringIO()):
            found: dict[str, float] = module.evaluateImgLists(predictions, truths, module.args)
        return found

    return module, official


def _forward(size: int = 512) -> Row:
    """A forward pass of FoR-Net and of DeepLabV3+ on ResNet-18 at output stride 8."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    nets = [
        FoRNetSegmenter(19, (size, size), name, {"name": "resnet18", "output_stride": 8}).eval().to(device)
        for name in ("fornet", "deeplabv3plus")
    ]
    images = torch.randn(1, 3, size, size, device=device)

    def forward(net: FoRNetSegmenter) -> Callable[[], object]:
        def function() -> object:
            with torch.inference_mode():
                return net.segment(images)

        return function

    seconds = alternate([forward(net) for net in nets], device, rounds=5)
    costs = [network_cost(net.network, (size, size)) for net in nets]
    memory = [peak_memory(forward(net), device) / 2**20 for net in nets]
    note = (
        f"ResNet-18, stride 8, {size} x {size}; multiply-adds {costs[0].multiply_adds / 1e9:.1f} G against {costs[1].multiply_adds / 1e9:.1f} G, "
        f"parameters {costs[0].parameters / 1e6:.1f} M against {costs[1].parameters / 1e6:.1f} M, peak memory {memory[0]:.0f} MiB against {memory[1]:.0f} MiB"
    )
    return Row("forward: FoR-Net against DeepLabV3+", 1e3 * seconds[0], 1e3 * seconds[1], "ms", None, note)


def _step(net: FoRNetSegmenter, batch: Batch) -> None:
    """Forward and backward in bf16."""
    with torch.autocast("cuda", dtype=torch.bfloat16):
        loss = net.step(batch)[1]["loss"]
    loss.backward()
    net.zero_grad(set_to_none=True)


def _throughput(batch: int = 8, size: int = 768) -> list[Row]:
    """On CUDA: training images per second in bf16, channels last, eager against compiled."""
    device = torch.device("cuda")
    rows = []
    for name in ("resnet18", "resnet50"):
        net = FoRNetSegmenter(19, (size, size), "fornet", {"name": name, "output_stride": 8}).to(device)
        net = net.to(memory_format=torch.channels_last)
        images = torch.randn(batch, 3, size, size, device=device).to(memory_format=torch.channels_last)
        label = torch.randint(0, 19, (batch, size, size), device=device)
        # forward and backward, two operations each
        flops = 6 * network_cost(net.network, (size, size)).multiply_adds * batch
        step = functools.partial(_step, net, {"image": images, "label": label})
        eager = alternate([step], device, rounds=5, warmup=3)[0]
        memory = peak_memory(step, device) / 2**30
        net.compile_parts()
        start = time.perf_counter()
        step()
        compiling = time.perf_counter() - start
        compiled = alternate([step], device, rounds=5, warmup=3)[0]
        note = (
            f"{batch} images of {size} x {size}, bf16, channels last; reference eager: {batch / eager:.1f} images/s, {flops / eager / 1e12:.0f} TFLOP/s, "
            f"{memory:.1f} GiB; compiled: {batch / compiled:.1f} images/s, {flops / compiled / 1e12:.0f} TFLOP/s; compilation {compiling:.0f} s"
        )
        rows.append(Row(f"training step, {name}, compiled", 1e3 * compiled, 1e3 * eager, "ms", None, note))
    return rows
