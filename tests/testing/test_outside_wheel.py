"""A paper in a wheel of its own: installed, it is everywhere; uninstalled, it leaves no trace. No edit here in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "tests" / "plugins" / "patchbank"


class Place:
    """A virtual environment that sees the lab and its libraries, and a folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        self.python = folder / "venv" / "bin" / "python"
        (site,) = (folder / "venv").glob("lib/python*/site-packages")
        (site / "lab.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
        self.site = site

    def __call__(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {
            key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "ERSM_LAB_PLUGINS")
        }
        return subprocess.run(
            [self.python, *words],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def lab(self, *words: str, code: int = 0) -> str:
        done = self("-m", "ersm_lab", *words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("outside"))


def test_the_proof_is_small():
    lines = [
        path.read_text().count("\n") for path in SOURCE.rglob("*") if path.suffix in (".py", ".yaml", ".toml")
    ]
    assert sum(lines) <= 300


@pytest.mark.slow
def test_an_outside_wheel_needs_no_edit_and_leaves_no_trace(place):
    files_before = {path: path.stat().st_mtime_ns for path in (ROOT / "ersm_lab").rglob("*.py")}
    assert "patchbank" not in place.lab("list")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-build-isolation",
        "--no-deps",
        "-w",
        place.folder,
        SOURCE,
    ]
    subprocess.run(build, check=True)
    (wheel,) = place.folder.glob("patchbank-*.whl")
    assert place("-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel).returncode == 0

    # help, completion, lists, and messages about its settings
    assert "anomalies by distance to a memory bank" in place.lab("list")
    text = place.lab("train", "experiment=patchbank/digits", "--help")
    assert "model.share" in text
    assert "of the patches, kept in the bank" in text
    assert "experiment=patchbank/digits" in place.lab("__complete", "train", "experiment=patch")
    assert "did you mean 'model.share'" in place.lab(
        "train", "experiment=patchbank/digits", "model.shar=1", code=1
    )
    assert "must be at most 1" in place.lab("train", "experiment=patchbank/digits", "model.share=2", code=1)

    # the contract, a table, a claim, the page
    done = place("-c", "from ersm_lab.testing import check_paper; check_paper('patchbank')")
    assert done.returncode == 0, done.stderr
    assert "covering bank" in place.lab("table", "patchbank")
    place.lab("claims", "patchbank_found", "--run")
    verdicts = json.loads((place.folder / "outputs" / "claims" / "claims.json").read_text())
    assert "patchbank_found" in json.dumps(verdicts)
    place.lab("report")
    assert "patchbank/digits" in (place.folder / "outputs" / "report.html").read_text()

    assert place("-m", "pip", "uninstall", "-q", "-y", "patchbank").returncode == 0
    assert "patchbank" not in place.lab("list")
    assert "no experiment named 'patchbank/digits'" in place.lab(
        "train", "experiment=patchbank/digits", code=1
    )
    assert not list(place.site.glob("patchbank*"))
    assert {path: path.stat().st_mtime_ns for path in (ROOT / "ersm_lab").rglob("*.py")} == files_before
