"""An epoch of head training from cached features against the same epoch with the frozen backbone in the loop."""

from __future__ import annotations

import os
import tempfile
import time

import torch

from ersm_lab.bench.table import Row
from ersm_lab.config.composer import compose_experiment
from ersm_lab.papers.ersm import ERSMClassifier
from ersm_lab.training.build import build_data, build_model
from ersm_lab.training.data_flow import Flow

IMAGES = 64


def run(backbone: str = "resnet50", size: int = 224) -> list[Row]:
    """One row: seconds per epoch over the same images, data loading included; the cache's own making in the note."""
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "canvas": size,
            "tile": size // 4,
            "patch": size // 8,
            "train": IMAGES,
            "val": 20,
            "test": 20,
        }
        overrides = [f"data.options.{key}={value}" for key, value in options.items()]
        overrides += [
            f"paths.data={folder}/data",
            f"paths.outputs={folder}/outputs",
            f"data.transform.size={size}",
        ]
        overrides += [
            f"model.backbone.name={backbone}",
            "trainer.feature_cache.enabled=true",
            "data.batch_size=32",
        ]
        config = compose_experiment(overrides).config
        data = build_data(config)
        model = build_model(config, data)
        assert isinstance(model, ERSMClassifier)
        start = time.perf_counter()
        cached = Flow(config, data, model)
        making = time.perf_counter() - start
        config.trainer.feature_cache.enabled = False
        images = Flow(config, data, model)
        ours = min(_epoch(model, cached) for _ in range(3))
        reference = _epoch(model, images)
    note = f"{backbone} at {size}, {IMAGES} images, {os.cpu_count()} cores; made once in {making:.1f} s"
    return [Row("epoch of head training", ours, reference, "s", 50, note)]


def _epoch(model: ERSMClassifier, flow: Flow) -> float:
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    model.train()
    start = time.perf_counter()
    for batch in flow.train_loader():
        optimizer.zero_grad()
        model.step(batch)[1]["loss"].backward()
        optimizer.step()
    return time.perf_counter() - start
