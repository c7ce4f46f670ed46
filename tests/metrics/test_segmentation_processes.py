"""Street scores over two processes: uneven shares, and a process without data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ersm_lab.metrics.cityscapes_scores import CityscapesScores
from ersm_lab.metrics.importance import ImportanceQuality
from ersm_lab.metrics.seams import SeamTest
from ersm_lab.metrics.segmentation import SegmentationScores


def compute(rows: slice) -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 19, (7, 6, 8), generator=generator)
    truth = coarse.repeat_interleave(5, 1).repeat_interleave(5, 2)
    logits = torch.randn(7, 19, 30, 40, generator=generator)
    logits.scatter_add_(1, truth[:, None], torch.full((7, 1, 30, 40), 2.0))
    importance = torch.randn(7, 1, 6, 8, generator=generator)
    prediction = logits.argmax(1)
    instances = torch.where(truth == 13, 26_001, torch.where(truth == 11, 24_002, 7))
    street, plain = CityscapesScores(ids="train", per_sample=True), SegmentationScores(19)
    quality, seams = ImportanceQuality((0.4,)), SeamTest(per_sample=True)
    for i in range(*rows.indices(7)):
        one = slice(i, i + 1)
        street.update(prediction[one], truth[one], instances[one])
        plain.update(prediction[one], truth[one])
        masks = [(importance[one] > 0).float()]
        quality.update(logits[one], truth[one], importance[one], masks)
        seams.update(prediction[one], truth[one], masks, logits[one].flip(-1).argmax(1))
    plain_scores = plain.compute()
    found = {**street.compute(), **quality.compute(), **seams.compute(), "plain": plain_scores["miou"]}
    for metric in (street, seams):
        with metric.sync_context(should_sync=dist.is_initialized()):
            for name, values in metric.samples().items():
                # each image by its place: what is lost, doubled or out of order changes the sum
                place = torch.arange(1, len(values) + 1, dtype=torch.float64)
                found[f"samples {name}"] = (values.flatten(1).square().sum(1) * place).sum()
    return {name: float(value) for name, value in found.items()}


def worker(rank: int, folder: str, first: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    found = compute(slice(0, first) if rank == 0 else slice(first, None))
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("first", [5, 7], ids=["uneven", "one process without data"])
@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_two_processes_equal_one(tmp_path, first):
    """Breaks when a score is averaged over processes instead of computed from sums, or an empty process hangs or gives NaN."""
    mp.spawn(worker, args=(str(tmp_path), first), nprocs=2)
    expected = compute(slice(None))
    assert expected["plain"] == pytest.approx(expected["miou"], rel=1e-12)
    for rank in range(2):
        assert json.loads((tmp_path / f"{rank}.json").read_text()) == pytest.approx(
            expected, rel=1e-12, nan_ok=True
        )
