"""Files are whole or absent, on a full disk too; and the room is light."""

from __future__ import annotations

import errno
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ersm_lab.runs
from ersm_lab.core.errors import UserError
from ersm_lab.files.atomic import write_json, write_text, write_with


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def half(temporary: Path) -> None:
        temporary.write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_with(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("where", ["os.fsync", "os.replace", "tempfile.mkstemp"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_path(tmp_path, monkeypatch, where, code):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(*_: object, **__: object) -> None:
        raise OSError(code, "full")

    with monkeypatch.context() as patch:
        patch.setattr(f"ersm_lab.files.atomic.{where}", full)
        with pytest.raises(UserError, match=r"no space left on the disk for .*a\.txt"):
            write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "missing" / "a.txt", "new")


def test_json_is_strict(tmp_path):
    np = pytest.importorskip("numpy")
    write_json(tmp_path / "a.json", {"nan": float("nan"), "n": np.int64(3), "path": tmp_path, "t": (1, 2)})
    text = (tmp_path / "a.json").read_text()
    assert "NaN" not in text
    assert '"n": 3' in text


_ON_A_FULL_DISK = """
import sys
from pathlib import Path
import pandas as pd
from ersm_lab.core.errors import UserError
from ersm_lab.runs.directory import RunDirectory
outputs = Path(sys.argv[1])
run = RunDirectory.create(outputs, "ersm", "demo", {"a": 1}, [], {})
run.artifacts.table("t", pd.DataFrame({"x": [1]}))
before = (run.path / "run.json").read_bytes(), (run.path / "artifacts" / "t.csv").read_bytes()
for action in (
    lambda: run.artifacts.table("t", pd.DataFrame({"x": range(200_000)})),
    lambda: run.update(blob="x" * 2_000_000),
    lambda: RunDirectory.create(outputs, "ersm", "demo", {"blob": "x" * 2_000_000}, [], {}),
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
