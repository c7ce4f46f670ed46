"""A run directory on a full disk; and the room is light."""

from __future__ import annotations

import pkgutil
import shutil
import subprocess
import sys

import pytest

import ersm_lab.runs

_ON_A_FULL_DISK = """
import sys
from pathlib import Path
import pandas as pd
from ersm_lab.core.errors import UserError
from ersm_lab.runs.record import RunIdentity
from ersm_lab.runs.directory import RunDirectory
outputs = Path(sys.argv[1])
run = RunDirectory.create(outputs, "ersm", "demo", {"a": 1}, [], RunIdentity())
run.artifacts.table("t", pd.DataFrame({"x": [1]}))
before = (run.path / "run.json").read_bytes(), (run.path / "artifacts" / "t.csv").read_bytes()
for action in (
    lambda: run.artifacts.table("t", pd.DataFrame({"x": range(200_000)})),
    lambda: run.update(blob="x" * 2_000_000),
    lambda: RunDirectory.create(outputs, "ersm", "demo", {"blob": "x" * 2_000_000}, [], RunIdentity()),
):
    try:
        action()
    except UserError as error:
        assert "no space left" in str(error) and str(outputs) in str(error), error
    else:
        raise SystemExit("nothing raised")
assert before == ((run.path / "run.json").read_bytes(), (run.path / "artifacts" / "t.csv").read_bytes())
print("held")
"""


@pytest.mark.slow
def test_a_really_full_disk(tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("no unshare to mount a small disk with")
    script = tmp_path / "script.py"
    script.write_text(_ON_A_FULL_DISK)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = (
        f"mount -t tmpfs -o size=512k tmpfs {disk} || exit 77; exec {sys.executable} {script} {disk}/outputs"
    )
    done = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, text=True, timeout=120)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("a small disk cannot be mounted here")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "held\n"


def test_no_module_imports_torch_pandas_or_matplotlib():
    names = [f"ersm_lab.runs.{module.name}" for module in pkgutil.iter_modules(ersm_lab.runs.__path__)]
    assert len(names) >= 7
    heavy = "{'torch', 'pandas', 'matplotlib', 'numpy'}"
    code = f"import sys, importlib\nfor n in {names!r}: importlib.import_module(n); "
    code += f"assert not {heavy} & set(sys.modules), (n, {heavy} & set(sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
