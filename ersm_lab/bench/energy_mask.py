"""The energy mask against a plain transcription, and beside the backbone that it follows.

Forward, and backward into features, weight and bias, on maps as large as a ResNet-50's last one at 448 px.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ersm_lab.bench import references
from ersm_lab.bench.measure import alternate, threads
from ersm_lab.bench.table import Row
from ersm_lab.nn.memory import peak_memory
from ersm_lab.papers.ersm.energy_mask import EnergyMask, energy_regularizer
from ersm_lab.papers.ersm.schema import PAIRWISE

CHANNELS, GRID, PIXELS = 2048, (14, 14), 448
SPEED_GOAL = 2.0
SHARE_GOAL = round(1 / 0.03, 1)  # the mask costs at most 3 % of the network


def steps(pairwise: str, features: Tensor, probe: Tensor) -> tuple[Callable[[], None], Callable[[], None]]:
    """(ours, reference): forward and backward of the regularizer and of features weighted by ``probe``.

    ``features`` and ``probe`` ``(B, C, h, w)``; gradients go to ``features`` where it asks for them.
    """
    mask = EnergyMask(features.shape[1], (features.shape[2], features.shape[3]), pairwise=pairwise).to(
        features.device
    )
    settings = (mask.patch_size, mask.lambda_unary, mask.gamma_pairwise, mask.temperature, pairwise)

    def backward(masked: Tensor, regularizer: Tensor) -> None:
        torch.autograd.backward([masked, regularizer], [probe, torch.ones_like(regularizer)])
        features.grad = None
        mask.zero_grad(set_to_none=True)

    def ours() -> None:
        out = mask(features)
        backward(out.features, energy_regularizer(out))

    def reference() -> None:
        masked, _, _, _, regularizer = references.energy_mask(features, mask.weight, mask.bias, *settings)
        backward(masked, regularizer)

    return ours, reference


def network_cost(batch: int, device: torch.device, rounds: int = 2) -> tuple[float, int]:
    """Seconds and peak bytes of a training step of timm's ResNet-50 at 448 px, float32, training."""
    import timm

    network = timm.create_model("resnet50", pretrained=False).to(device).train()
    images = torch.randn(batch, 3, PIXELS, PIXELS, device=device)

    def step() -> None:
        network(images).sum().backward()
        network.zero_grad(set_to_none=True)

    peak = peak_memory(step, device)  # the warm-up too
    return alternate([step], device, rounds, warmup=0)[0], peak


def run(
    batch: int | None = None, device: str | None = None, num_threads: int = 1, rounds: int = 7
) -> list[Row]:
    """Speed and peak memory per pairwise term against ``references.energy_mask``, and beside a ResNet-50.

    batch: images; 8 on a CPU and 32 on a GPU unless given. device: the GPU where there is one. num_threads:
    of a CPU; one by default, as a core that something else holds makes every parallel operator wait for it.
    """
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    batch = batch or (32 if place.type == "cuda" else 8)
    where = f"batch {batch}, float32, {'GPU' if place.type == 'cuda' else f'{num_threads} thread(s)'}"
    size = f"{CHANNELS}x{GRID[0]}x{GRID[1]}"
    generator = torch.Generator().manual_seed(0)
    shape = (batch, CHANNELS, *GRID)
    features = torch.randn(shape, generator=generator).relu_().to(place)
    probe = torch.randn(shape, generator=generator).to(place)
    rows: list[Row] = []
    memory: list[Row] = []
    seconds: dict[str, float] = {}
    with threads(num_threads):
        for pairwise in PAIRWISE:
            for frozen in (False, True):
                features.requires_grad_(not frozen)
                pair = steps(pairwise, features, probe)
                ours, reference = alternate(pair, place, rounds)
                label = f"{pairwise}, {'frozen backbone' if frozen else 'gradient to the features'}"
                goal = None if frozen else SPEED_GOAL
                rows.append(Row(f"mask {label}", ours * 1e3, reference * 1e3, "ms", goal, f"{size}, {where}"))
                if not frozen:
                    seconds[pairwise] = ours
                    mine, theirs = (peak_memory(step, place) / 2**20 for step in pair)
                    memory.append(
                        Row(f"peak memory, {pairwise}", mine, theirs, "MiB", None, f"{size}, batch {batch}")
                    )
        network, network_peak = network_cost(batch, place)
    highest = max(row.ours for row in memory)
    for pairwise, ours in seconds.items():
        note = f"{100 * ours / network:.2f} % of timm resnet50 forward + backward at {PIXELS} px, {where}"
        rows.append(
            Row(f"share of the network, {pairwise}", ours * 1e3, network * 1e3, "ms", SHARE_GOAL, note)
        )
    note = (
        f"largest of the mask's; reference: timm resnet50, forward + backward at {PIXELS} px, batch {batch}"
    )
    memory.append(Row("peak memory beside the network", highest, network_peak / 2**20, "MiB", None, note))
    return rows + memory
