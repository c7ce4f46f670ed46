"""Metrics over two processes: uneven shares, and a process without data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ersm_lab.metrics.deletion import DeletionCurve
from ersm_lab.metrics.localisation import MaskLocalisation
from ersm_lab.metrics.occlusion import Condition, OcclusionAccuracy
from ersm_lab.metrics.sparsity import MaskSparsity

GRID = (3, 3)
CONDITIONS = [
    Condition("square", 0.0, "mean"),
    Condition("square", 0.3, "mean"),
    Condition("grid", 0.3, "blur"),
]


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(11, 12, 12, generator=generator) < 0.2
    mask[2] = False  # undefined: no object
    return torch.rand(11, 9, generator=generator), mask


def compute(rows: slice) -> dict[str, list[float]]:
    keep, mask = batch()
    sparsity, localisation = MaskSparsity(per_sample=True), MaskLocalisation(GRID, per_sample=True)
    deletion = DeletionCurve(8, per_sample=True)
    occlusion = OcclusionAccuracy(CONDITIONS, per_sample=True)
    index = torch.arange(len(keep))
    for k, m, i in zip(keep[rows].split(4), mask[rows].split(4), index[rows].split(4), strict=True):
        if len(k):
            sparsity.update(k)
            localisation.update(k, m)
            deletion.update(k > 0.5)
            occlusion.update(k[:, : len(CONDITIONS)] > 0.5, i)
    values = {**sparsity.compute(), **localisation.compute(), **deletion.compute()}
    values["occlusion"] = occlusion.compute()["accuracy"]
    for metric in (sparsity, localisation, deletion, occlusion):
        with metric.sync_context(should_sync=dist.is_initialized()):
            samples = metric.samples()
        if isinstance(samples, dict):
            values |= {f"samples {name}": value for name, value in samples.items()}
        else:
            values[f"samples {type(metric).__name__}"] = (
                samples if isinstance(samples, torch.Tensor) else samples[1]
            )
    return {name: torch.nan_to_num(value.double(), -1).flatten().tolist() for name, value in values.items()}


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
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            assert found[name] == pytest.approx(values, rel=1e-12), name
