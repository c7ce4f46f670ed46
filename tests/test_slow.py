"""What takes longer: every experiment for two steps, and the package as it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ersm_lab.config.composer import compose_experiment
from ersm_lab.config.store import options
from ersm_lab.plan.planner import Planner
from ersm_lab.training.run import train
from tests.small_data import write_all

ROOT = Path(__file__).parents[1]
FEW_PICTURES = ["evaluation.pictures=3"]
FEW_DIGITS = [f"evaluation.{split}=40" for split in ("train", "val", "test")]
STUDIES = {  # what they measure takes longer than two steps
    "slem/agreement": FEW_PICTURES,
    "slem/repeatability": FEW_PICTURES,
    "slem/dependence": [*FEW_PICTURES, "evaluation.traversal=[raster,hilbert]"],
    "slem/removal": [*FEW_PICTURES, "evaluation.block=8", "evaluation.epochs=2", "evaluation.seeds=2"],
    "slem/signature_digits": [*FEW_DIGITS, "evaluation.seeds=1"],
    "slem/signature_cifar10": [*FEW_DIGITS, "evaluation.test=20", "evaluation.seeds=1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", options("experiment"))
def test_every_experiment_runs_two_steps(name, lab):
    """Found by folder: a new experiment is tested without an edit here."""
    write_all(lab / "data")
    two = [
        "trainer.max_steps=2",
        "trainer.accelerator=cpu",
        "trainer.threads=1",
        "trainer.progress=none",
        "logger=csv",
    ]
    experiment = compose_experiment([f"experiment={name}", *two, "evaluation.panels=2"])
    experiment = compose_experiment(
        [*experiment.overrides, *_small(experiment.config), *STUDIES.get(name, [])]
    )

    cell = Planner().plan(experiment)
    if cell.backbone is not None:
        source = cell.backbone.experiment
        small = compose_experiment([*source.overrides, *two, *_small(source.config)])
        cell = cell.on(train(small, cell.backbone.identity).path)
    found = train(cell.experiment, cell.identity)
    assert found.status == "finished"
    assert any(entry.kind == "figure" for entry in found.artifacts.entries())


def _small(config):
    """Overrides that shrink an experiment; weights cannot be had without a network."""
    found, transform = ["data.num_workers=0"], getattr(config.data, "transform", None)
    if getattr(getattr(config.model, "backbone", None), "pretrained", False):
        found.append("model.backbone.pretrained=false")
    if hasattr(transform, "crop"):  # pictures with labels per pixel
        found += ["data.batch_size=2", "data.transform.crop=[64,96]"]
    else:
        found.append("data.batch_size=8")
    if getattr(transform, "size", 0) > 64 and config.data.layout != "composites":
        found.append("data.transform.size=64")
    few = {
        "composites": ["train=20", "val=20", "test=20"],
        "toy_streets": ["train=4", "val=2"],
        "photographs": ["size=64"],
        "structures": ["size=64", "count=1"],
    }.get(config.data.layout, [])
    return found + [f"data.options.{option}" for option in few]


@pytest.mark.slow
def test_an_installed_wheel_finds_its_configuration(tmp_path):
    """Built without isolation, installed without dependencies, used from another folder: breaks when conf/ is left out."""
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        str(ROOT),
        "--no-build-isolation",
        "--no-deps",
        "-q",
        "-w",
        str(tmp_path),
    ]
    if subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
    ).returncode:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "site"
    import zipfile

    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(target)
        assert "ersm_lab/conf/config.yaml" in packed.namelist()
        assert "ersm_lab/py.typed" in packed.namelist()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = "import ersm_lab, sys; print(ersm_lab.__file__); from ersm_lab.cli import main; sys.exit(main(['train', 'experiment=ersm/digits', '--cfg', 'job']))"
    environment = {**os.environ, "PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(target) in done.stdout
    assert "from_experiment: ersm/digits_backbone" in done.stdout
