"""Exact deletion curves from one backbone pass against the published protocol: a forward pass per k and ranking."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from ersm_lab.bench.measure import threads
from ersm_lab.bench.references import deletion_by_forwards
from ersm_lab.bench.table import Row
from ersm_lab.metrics.deletion import deletion_curve
from ersm_lab.nn.memory import peak_memory
from ersm_lab.papers.ersm import ERSMClassifier

T = TypeVar("T")


def run(images: int = 8, reference_images: int = 2, size: int = 224) -> list[Row]:
    """ResNet-50 at 224, N = 49, rankings energy, magnitude and random, both from pixels to curves; seconds per image, of one core or
    of the GPU.

    The reference is linear in the images: it is timed on fewer. Both must give the same curves:
    AssertionError otherwise.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        images = reference_images = 64
    torch.manual_seed(0)
    model = (
        ERSMClassifier(200, (size, size), backbone={"name": "resnet50"}, mask={"bias_init": -1.0})
        .to(device)
        .eval()
    )
    pictures = torch.randn(images, 3, size, size, device=device)
    # an untrained head says the same of every picture, and seldom the label: centred, and with what it says of whole pictures
    # as labels, its curves fall as those of a trained one do, and comparing them means something
    with torch.no_grad():
        features = model.features(pictures)
        whole = features.mean((2, 3))
        model.head.bias.copy_(-(model.head.weight @ whole.mean(0)))
        labels = model.head(whole).argmax(1)
    draw = torch.rand(images, 49, device=device)

    def rankings(features: Tensor, count: int) -> list[Tensor]:
        mask = model.classify(features).mask
        assert mask is not None
        return [-mask.logit, model.tokens(features).norm(dim=2), draw[:count]]

    @torch.inference_mode()
    def ours(count: int = images) -> list[Tensor]:
        features = model.features(pictures[:count])
        tokens = model.tokens(features)
        return [
            deletion_curve(tokens, model.head, ranking, labels[:count], pool=model.pool)
            for ranking in rankings(features, count)
        ]

    @torch.inference_mode()
    def published(count: int = reference_images) -> list[Tensor]:
        some = pictures[:count]
        return [
            deletion_by_forwards(
                lambda mask: model.classify(model.features(some), mask).logits, ranking, labels[:count]
            )
            for ranking in rankings(model.features(some), count)
        ]

    with threads(1):
        ours(1)  # warm-up
        reference_seconds, expected = _timed(published, device)
        seconds = sum(_timed(ours, device)[0] for _ in range(3)) / 3
        found, wanted = torch.stack(ours(reference_images)), torch.stack(expected)
        memory = [peak_memory(lambda f=f: f(1), device) / 2**20 for f in (ours, published)]  # type: ignore[misc]
    differing, points = int((found != wanted).sum()), wanted.numel()
    if differing > points / 1000:  # a tie of two classes may go either way, more than that is an error
        raise AssertionError(
            f"{differing} of {points} points of the curves differ from the published protocol's"
        )
    tail = torch.rand(images, 196, 2048, device=device)
    with threads(1):
        alone, _ = _timed(lambda: deletion_curve(tail, model.head, tail[..., 0], labels), device)
    note = (
        f"{differing} of {points} points differ ({reference_images} images, {100 * wanted.double().mean():.0f} % right on average); "
        f"{images} images ours; peak memory for one image "
        f"{memory[0]:.0f} MiB against {memory[1]:.0f} MiB; a curve of N = 196 from features {1e3 * alone / images:.1f} ms"
    )
    name = "deletion curves, ResNet-50 at 224, N = 49, three rankings"
    return [Row(name, seconds / images, reference_seconds / reference_images, "s/image", 100, note)]


def _timed(function: Callable[[], T], device: torch.device) -> tuple[float, T]:
    """Seconds, on a CPU those that this process had it: a long run and a short one meet different loads of the machine."""
    if device.type != "cuda":
        start = time.process_time()
        found = function()
        return time.process_time() - start, found
    torch.cuda.synchronize()
    start = time.perf_counter()
    found = function()
    torch.cuda.synchronize()
    return time.perf_counter() - start, found
