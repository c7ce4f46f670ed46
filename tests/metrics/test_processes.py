"""Metrics over two processes: uneven shares, and a process without data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ersm_lab.metrics.localisation import MaskLocalisation
from ersm_lab.metrics.sparsity import MaskSparsity

GRID = (3, 3)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(11, 12, 12, generator=generator) < 0.2
    mask[2] = False  # undefined: no object
    return torch.rand(11, 9, generator=generator), mask


def compute(rows: slice) -> dict[str, float]:
    keep, mask = batch()
    sparsity, localisation = MaskSparsity(), MaskLocalisation(GRID)
    for k, m in zip(keep[rows].split(4), mask[rows].split(4), strict=True):
        if len(k):
            sparsity.update(k)
            localisation.update(k, m)
    return {name: float(value) for name, value in {**sparsity.compute(), **localisation.compute()}.items()}


def worker(rank: int, folder: str, first: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    found = compute(slice(0, first) if rank == 0 else slice(first, None))
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("first", [8, 11], ids=["uneven", "one process without data"])
@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_two_processes_equal_one(tmp_path, first):
    """Breaks when processes are averaged instead of summed, or an empty one hangs or gives NaN."""
    mp.spawn(worker, args=(str(tmp_path), first), nprocs=2)
    expected = compute(slice(None))
    for rank in range(2):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == pytest.approx(expected, rel=1e-12)
