"""The registry: what is found, what is refused, and what a broken plug-in costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ersm_lab.claims.sums import score_names
from ersm_lab.core import plugins as registry
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import FOLDER, Plugin, forget, owner, plugins, schemas, suite_spec
from ersm_lab.data.layouts import layouts_of, read_layout
from ersm_lab.data.splits import ImageData
from ersm_lab.report.curves import families

ROOT = Path(__file__).parents[2]
GOOD = """
from ersm_lab.core.plugins import Plugin
PLUGIN = Plugin(
    name="{name}",
    package="{name}",
    summary="{name} in a line",
    schemas={{("model", "schema_{name}"): "{name}.schema:Config"}},
)
"""
SCHEMA = """
from dataclasses import dataclass
from ersm_lab.core.schema import ModelConfig
from ersm_lab.core.settings import setting
@dataclass
class Config(ModelConfig):
    _target_: str = setting("{name}.module.Net", "the class")
"""


def write(folder: Path, name: str, text: str, schema: str = SCHEMA) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    (folder / name / "plugin.py").write_text(text.format(name=name))
    (folder / name / "schema.py").write_text(schema.format(name=name))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of plug-ins; what is found in it is forgotten afterwards."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    modules = set(sys.modules)
    forget()
    yield tmp_path
    forget()
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in {path.name for path in tmp_path.iterdir()}:
            del sys.modules[name]


def test_the_papers_of_the_lab_register_by_entry_points():
    assert {"data", "evaluation", "ersm", "fornet", "slem"} <= set(plugins())
    found = owner("ersm_lab.papers.slem.EntropyLearner")
    assert found is not None
    assert found.name == "slem"
    assert owner("ersm_lab.papers.slemish.Thing") is None
    assert owner("os.system") is None


def test_a_folder_of_plugins_is_found(folder):
    write(folder, "other", GOOD)
    assert plugins()["other"].summary == "other in a line"
    assert ("model", "schema_other") in schemas()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("PLUGIN = 3", "TypeError: it is a int, not an ersm_lab.core.plugins.Plugin"),
        ("x = 1", "has no attribute 'PLUGIN'"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        (GOOD.replace('name="{name}"', 'name="slem"'), "there is a plug-in 'slem' already"),
        (
            GOOD.replace("summary", 'conf=__import__("pathlib").Path("no/such/conf"), summary'),
            "FileNotFoundError: its folder of YAML, no/such/conf, is not there",
        ),
        (GOOD.replace("schema_{name}", "schema_slem"), "which the plug-in 'slem' has too"),
    ],
)
def test_a_broken_plugin_costs_one_line(folder, capsys, text, words):
    write(folder, "broken", text)
    write(folder, "other", GOOD)
    assert "broken" not in plugins()
    assert {"other", "ersm"} <= set(plugins())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("plug-in broken (")
    assert words in line
    plugins()  # not said again
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("Config = dict", "other.schema:Config is no class of settings"),
    ],
)
def test_settings_that_cannot_be_imported_cost_one_line_too(folder, capsys, schema, words):
    write(folder, "other", GOOD, schema)
    assert ("model", "schema_slem") in schemas()
    assert ("model", "schema_other") not in schemas()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("plug-in other (other) has no settings: ")
    assert words in line


def test_names_that_cannot_be_imported_cost_one_line_each_and_nothing_else(folder, capsys):
    """Breaks when what asks all plug-ins (the report, claims, label tables, layouts) stops at one that is broken."""
    text = """
from ersm_lab.core.plugins import Plugin, SuiteSpec
gone = "{name}.gone:THING"
PLUGIN = Plugin(
    name="{name}",
    package="{name}",
    suites={{"mine": SuiteSpec(gone, gone, curves=gone, sums=gone)}},
    layouts={{"mine": gone}},
    label_tables={{"mine": gone}},
)
"""
    write(folder, "other", text)
    assert "deletion_curves" in {family.table for family in families()}
    assert score_names()
    assert "imagefolder" in layouts_of(ImageData)
    families()  # not said again
    lines = capsys.readouterr().err.splitlines()
    starts = [
        f"plug-in other (other): {what} of mine are left out: ModuleNotFoundError: "
        for what in ("curves", "label_tables", "sums", "layouts")
    ]
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True)), lines
    with pytest.raises(UserError, match=r"data.layout=mine cannot be read: No module named 'other.gone'"):
        read_layout("mine", folder, {})


def test_a_broken_plugin_leaves_the_command_line_as_it_is(tmp_path):
    write(tmp_path, "broken", "raise RuntimeError('no')")
    done = subprocess.run(
        [sys.executable, "-m", "ersm_lab", "train", "model.shar=1"],
        env={**os.environ, FOLDER: str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert "plug-in broken" in first
    assert second.startswith("error: unknown key 'model.shar'")


def test_an_unknown_suite_is_one_line_with_the_nearest():
    with pytest.raises(UserError, match=r"no suite named 'slem_map'; did you mean 'slem_maps'\?"):
        suite_spec("slem_map")


def test_a_plugin_owns_what_lies_below_its_package_and_nothing_beside_it():
    plugin = Plugin(name="x", package="lib.x")
    assert plugin.owns("lib.x.Thing")
    assert not plugin.owns("lib.xy.Thing")
    assert not plugin.owns("lib.x")
    assert registry.GROUP == "ersm_lab.plugins"
