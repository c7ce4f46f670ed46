"""Outputs of the shape that training leaves, made in a moment: runs, an evaluation, a table, a comparison, claims."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ersm_lab.report.page import write_page
from ersm_lab.report.selection import select
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.runs.directory import ComparisonDirectory, RunDirectory
from ersm_lab.runs.index import find_runs
from ersm_lab.runs.record import RunIdentity
from tests.report.browser import Opened, chromium

VARIANTS = ("baseline", "published", "recommended")


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (1200, 700)) -> Path:
    """A PNG with blocks of random colours."""
    blocks = np.random.default_rng(seed).integers(0, 255, (14, 24, 3), dtype=np.uint8)
    Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).save(path)
    return path


def add_figure(store: ArtifactStore, name: str, source: Path, title: str) -> None:
    """A figure as the store indexes it, without drawing one."""
    target = store.file(name, source, title, "Blocks.")
    index = json.loads((store.path / "index.json").read_text())
    index[name]["kind"] = "figure"
    (store.path / "index.json").write_text(json.dumps(index))
    assert target.is_file()


def make_run(
    outputs: Path,
    variant: str = "baseline",
    seed: int = 0,
    accuracy: float = 0.5,
    status: str = "finished",
    experiment: str = "digits",
    lr: float = 0.01,
) -> RunDirectory:
    """A run with a history of 40 steps, predictions of 3 classes, a histogram without a figure, and a picture."""
    config = {
        "seed": seed,
        "model": {"variant": variant, "mask": {"temperature": 1.0}},
        "data": {"name": "digits", "root": "data/digits"},
        "optimizer": {"lr": lr},
        "logger": {"name": "csv"},
    }
    run = RunDirectory.create(
        outputs,
        "ersm",
        experiment,
        config,
        [f"model={variant}", f"optimizer.lr={lr}"],
        RunIdentity(seed=seed),
    )
    steps = np.arange(40)
    history = pd.DataFrame(
        {"epoch": steps // 10, "step": steps, "train/loss": 2.0 / (1 + steps) + 0.01 * seed}
    )
    history["val/accuracy"] = np.where(steps % 10 == 9, accuracy - 0.1 + steps / 400, np.nan)
    history.to_csv(run.metrics_path, index=False)
    labels = np.repeat([0, 1, 2], 4)
    frame = pd.DataFrame(
        {"index": range(12), "label": labels, "correct": [1.0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1]}
    )
    run.artifacts.table("predictions", frame, "Predictions")
    add_figure(
        run.artifacts,
        "panels",
        picture(outputs / "block.png", round(1000 * accuracy) + seed),
        "Image, mask, faded image",
    )
    run.finish(
        status,
        summary={"test/accuracy": accuracy, "test/cross_entropy": 1 - accuracy, "test/images": 12},
        error=None if status == "finished" else "ValueError: no",
    )
    return run


def evaluate(run: RunDirectory, shift: float = 0.0) -> None:
    """A finished stress evaluation: deletion curves, and an occlusion table that a figure of its name hides."""
    evaluation = run.evaluation("stress", {"suite": "stress"})
    share = np.linspace(0, 1, 17)
    rankings = ("magnitude",) if run.config["model"]["variant"] == "baseline" else ("energy", "magnitude")
    curves = [
        pd.DataFrame(
            {
                "ranking": ranking,
                "order": order,
                "k": range(17),
                "share": share,
                "accuracy": 0.9 - shift - power * share,
            }
        )
        for ranking in rankings
        for order, power in (("least_first", 0.3), ("most_first", 0.7))
    ]
    evaluation.artifacts.table("deletion_curves", pd.concat(curves), "Deletion curves")
    areas = [0.0, 0.2, 0.4]
    cells = [(s, a, f, 0.8 - a) for s in ("square", "grid") for f in ("mean", "noise") for a in areas]
    occlusion = pd.DataFrame(cells, columns=["shape", "area", "fill", "accuracy"])
    evaluation.artifacts.table("occlusion", occlusion, "Structured occlusion")
    add_figure(evaluation.artifacts, "occlusion", picture(run.path / "o.png"), "Structured occlusion")
    per_class = pd.DataFrame({"class": ["road", "pole"], "iou": [0.9, 0.4 + shift], "pixels": [100, 5]})
    evaluation.artifacts.table("per_class", per_class, "Per class")
    evaluation.artifacts.table("classes", per_class.assign(thin=["False", "True"]), "Classes")
    add_figure(evaluation.artifacts, "classes", run.path / "o.png", "Classes")
    evaluation.finish("finished", summary={"test/deletion/energy/lerf_auc": 0.75 - shift})


@pytest.fixture(scope="session")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three variants with two seeds each, evaluated; a failed run; a table, a comparison and claims. Not to be changed."""
    folder = tmp_path_factory.mktemp("lab") / "outputs"
    for place, variant in enumerate(VARIANTS):
        for seed in (0, 1):
            evaluate(make_run(folder, variant, seed, 0.5 + 0.1 * place + 0.01 * seed), 0.05 * place)
    make_run(folder, "published", 7, 0.1, status="failed", lr=10.0)
    interval = {
        "estimate": 10.0,
        "low": 8.0,
        "high": 12.0,
        "level": 0.95,
        "n_images": 12,
        "n_seeds": 2,
        "method": "paired bootstrap",
        "non_inferior": None,
        "p_value": 0.001,
    }
    cell = {"mean": 60.0, "std": 1.5, "n": 2, "best": True, "state": "ok"}
    lost, none = (
        {"mean": None, "std": None, "n": 0, "best": False, "state": state} for state in ("missing", "none")
    )
    column = {"label": "accuracy, %", "digits": 1, "better": "higher", "metric": "test/accuracy"}
    table = {
        "title": "Two arms",
        "experiment": "ersm/digits",
        "note": "A note.",
        "columns": {"accuracy": column},
        "labels": {"a": "arm a", "b": "arm b", "c": "lost", "d": "theirs"},
        "seeds": [0, 1],
        "split": "test",
        "cells": {
            "a": {"accuracy": cell},
            "b": {"accuracy": {**cell, "best": False, "mean": 50.0, "state": "partial", "n": 1}},
            "c": {"accuracy": lost},
            "d": {"accuracy": none},
        },
        "built": ["a", "b", "c"],
        "reported": {
            "a": {"accuracy": {"value": 61.25, "mark": "†"}},
            "d": {"accuracy": {"value": 70.0, "mark": None}},
        },
        "daggers": [{"mark": "†", "why": "other <data>"}],
        "comparisons": [
            {"row": "a", "against": "b", "label": "accuracy, %", "margin": None, "interval": interval}
        ],
        "runs": {},
        "missing": ["b seed 3: out of memory"],
    }
    (folder / "tables" / "two").mkdir(parents=True)
    (folder / "tables" / "two" / "table.json").write_text(json.dumps(table))
    comparison = ComparisonDirectory.create(folder, "ersm", "stress", ["one", "two"], {"suite": "stress"})
    comparison.artifacts.table(
        "means", pd.DataFrame({"metric": [f"m{i}" for i in range(30)], "mean": np.arange(30.0)}), "Means"
    )
    add_figure(comparison.artifacts, "arms", picture(folder / "c.png", 9), "All arms")
    comparison.finish("finished")
    rests_on = [str(run.path) for run in find_runs(folder)][:2]
    part = {
        "claim": "sparsity",
        "variant": "published",
        "profile": "demo",
        "part": "share",
        "effect": "share of tokens, points",
        "outcome": "holds",
        "estimate": -30.0,
        "interval": {"low": -40.0, "high": -20.0},
        "must be": "below 0",
        "images": 12,
        "seeds": 2,
        "test": "bootstrap",
        "read": "predictions.parquet: correct",
        "reason": "",
    }
    record = {
        **part,
        "paper": "ersm",
        "statement": "Sparsity emerges.",
        "data": "digits",
        "verdict": "holds on digits",
        "population": "test images",
        "source": "a paper",
        "note": "",
        "minimum": {"images": 10, "seeds": 2},
        "embedded": True,
        "missing": [],
        "runs": rests_on,
        "command": "ersm-lab claims sparsity",
    }
    no_number = {"estimate": None, "interval": {"low": None, "high": None}, "images": None, "seeds": None}
    lost = {
        **record,
        **no_number,
        "claim": "lost",
        "verdict": "no runs",
        "outcome": "no runs",
        "effect": "",
        "must be": "",
        "reason": "no finished run",
        "runs": [],
    }
    (folder / "claims").mkdir()
    held = {"claims": [lost, record], "parts": [part], "sources": []}
    (folder / "claims" / "claims.json").write_text(json.dumps(held))
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def page_file(outputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(path, select([], outputs), outputs)
    return path


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Opened]:
    found = Opened(browser, page_file, viewport={"width": 1400, "height": 900})
    yield found
    assert found.errors == []  # whatever a test did
    found.context.close()
