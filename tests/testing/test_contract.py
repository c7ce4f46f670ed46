"""The contract of a paper: what it finds broken, and that the papers keep it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ersm_lab.cli import main
from ersm_lab.cli.new import write_paper
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import FOLDER, plugins
from ersm_lab.testing import check_paper

ROOT = Path(__file__).parents[2]
PATCHBANK = ROOT / "tests" / "plugins" / "patchbank"


def check(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``check_paper`` in a process of its own, with the plug-ins below ``folder``."""
    code = (
        "import sys\nfrom ersm_lab.core.errors import UserError\nfrom ersm_lab.testing import check_paper\n"
        f"try: check_paper({name!r})\nexcept UserError as error: sys.exit(str(error))"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, FOLDER: str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_unknown_paper_is_named():
    with pytest.raises(UserError, match="no plug-in 'slme'; did you mean 'slem'"):
        check_paper("slme")


@pytest.mark.parametrize("name", ["has space", "Upper", "class", "ersm", "torch", "random", "outputs", "1x"])
def test_a_new_paper_needs_a_name_that_python_can_import(name, tmp_path):
    with pytest.raises(UserError, match="new paper"):
        write_paper(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_new_paper_never_overwrites(tmp_path):
    write_paper("mine", tmp_path)
    with pytest.raises(UserError, match="exists already"):
        write_paper("mine", tmp_path)


def test_what_to_do_next_holds_from_any_folder(lab, capsys):
    assert main(["new", "paper", "mine", "--into", "papers"]) == 0
    assert f"export ERSM_LAB_PLUGINS={lab}/papers/mine " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, plugin in plugins().items() if plugin.smoke])
def test_the_papers_keep_the_contract(name):
    check_paper(name)


@pytest.mark.slow
def test_a_new_paper_works_and_its_own_tests_pass(tmp_path):
    """Breaks when the template falls behind the interfaces: what a newcomer sees first."""
    folder = write_paper("my_paper", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        env={**os.environ, FOLDER: str(folder), "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("plugin.py", "from pathlib", "import torch\nfrom pathlib", "loads_without_torch: .*imports torch"),
        (
            "schema.py",
            '"keep those that cover all others; false: evenly spread ones"',
            '""',
            "greedy has no description",
        ),
        (
            "conf/experiment/patchbank/digits.yaml",
            "max_epochs: 1",
            "max_epoch: 1",
            "composes: .*'trainer.max_epoch'",
        ),
        ("suite.py", 'f"{subject.split}/auroc"', "1 / 0", "trains_two_steps: .*ZeroDivisionError"),
        (
            "module.py",
            'return {"bank": self.bank}',
            'return {"bank": self.bank + __import__("time").perf_counter()}',
            "resumes_bit_for_bit: ",
        ),
        (
            "conf/table/patchbank.yaml",
            "metric: test/auroc",
            "metric: test/auc",
            "tabulates: .*none of its columns",
        ),
        ("conf/claim/patchbank_found.yaml", "says: higher", "says: nicer", "judges: .*says"),
        ("conf/claim/patchbank_found.yaml", "key: test/auroc", "key: test/auc", "judges: .*test/auc"),
    ],
)
def test_what_is_broken_is_said_in_one_line(file, old, new, words, tmp_path):
    shutil.copytree(PATCHBANK, tmp_path / "copy")
    place = tmp_path / "copy" / "patchbank" / file
    text = place.read_text()
    assert old in text
    place.write_text(text.replace(old, new))
    done = check("patchbank", tmp_path / "copy")
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("check_paper('patchbank'), ")
    assert re.search(words, line), line
