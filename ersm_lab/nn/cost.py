"""What a segmentation network costs: parameters, multiply-adds, latency, memory."""

from __future__ import annotations

import copy
import statistics
import time
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ersm_lab.nn.memory import peak_memory


class NetworkCost(NamedTuple):
    """``parameters``; ``multiply_adds`` of one image of ``size`` (H, W) pixels."""

    parameters: int
    multiply_adds: int
    size: tuple[int, int]


def network_cost(network: nn.Module, size: tuple[int, int]) -> NetworkCost:
    """Parameters, and multiply-adds of convolutions and matrix products for one image, in eval mode.

    Counted without computing (tensors have shapes but no values), so that any size takes a moment. Half of
    what ``torch.utils.flop_counter`` counts, which takes a multiplication and an addition for two.

    >>> network_cost(nn.Conv2d(3, 8, 1), (4, 4))
    NetworkCost(parameters=32, multiply_adds=384, size=(4, 4))
    """
    shapes = copy.deepcopy(network).to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        shapes(torch.zeros(1, 3, *size, device="meta"))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return NetworkCost(parameters, int(counter.get_total_flops()) // 2, (int(size[0]), int(size[1])))


class NetworkSpeed(NamedTuple):
    """``seconds``: the median of a forward pass in eval mode; ``peak_bytes``: what a pass holds at most beyond what was held before
    it, as torch's allocator counts it."""

    seconds: float
    peak_bytes: int


@torch.inference_mode()
def network_speed(network: nn.Module, images: torch.Tensor, repeats: int = 5) -> NetworkSpeed:
    """Times ``network(images)``, images ``(B, 3, H, W)`` on the network's device, after one pass to warm up."""
    was_training = network.training
    network.eval()
    cuda = images.device.type == "cuda"
    network(images)
    if cuda:
        torch.cuda.synchronize(images.device)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        network(images)
        if cuda:
            torch.cuda.synchronize(images.device)
        seconds.append(time.perf_counter() - start)
    peak = peak_memory(lambda: network(images), images.device)
    network.train(was_training)
    return NetworkSpeed(statistics.median(seconds), peak)
