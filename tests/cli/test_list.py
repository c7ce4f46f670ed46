"""`ersm-lab list`: a line for everything that there is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ersm_lab.cli import main
from ersm_lab.cli.list import KINDS
from ersm_lab.config.describe import summary_line
from ersm_lab.config.store import find, groups, options
from ersm_lab.core import plugins as registry
from ersm_lab.core.plugins import Plugin, loaded, merged, plugins, suite_spec
from ersm_lab.papers.slem.suites.settings import SlemEvaluationConfig

NAMES = {
    "experiments": options("experiment"),
    "models": options("model"),
    "data": options("data"),
    "tables": options("table"),
    "claims": options("claim"),
    "sweeps": options("sweep"),
    "suites": list(merged("suites")),
    "plugins": list(plugins()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_has_a_name_and_says_what_it_is(
    kind: str, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", kind]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert sorted(line[0] for line in lines) == sorted(NAMES[kind])
    assert all(len(line) == 2 for line in lines)


def test_a_suite_without_a_file_of_its_name_says_what_its_settings_say(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = Plugin(name="mine", package="mine", suites={"mine": replace(suite_spec("slem"), target="")})
    monkeypatch.setattr(registry, "plugins", lambda: {"mine": mine})
    loaded.cache_clear()
    assert main(["list", "suites"]) == 0
    loaded.cache_clear()
    said = (SlemEvaluationConfig.__doc__ or "").strip().splitlines()[0]
    assert capsys.readouterr().out.strip() == f"mine  {said}"


@pytest.mark.parametrize("group", [*groups()])
def test_no_line_is_cut_within_a_sentence(group: str) -> None:
    """Breaks when the first sentence of a header goes on in its second line."""
    cut = []
    for name in options(group):
        file, said = find(group, name), summary_line(group, name)
        assert file is not None
        after = file.read_text().partition(said)[2].lstrip("\n")
        if after.startswith("# ") and re.match(r"# [a-z(0-9]", after) and not said.endswith((".", "?")):
            cut.append(f"{group}/{name}: {said}")
    assert not cut


def test_without_a_kind_all_are_listed(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert [line.rstrip(":") for line in said.splitlines() if line and not line.startswith(" ")] == list(
        KINDS
    )
    assert main(["list", "model"]) == 1
    assert "no kind named 'model'; did you mean 'models'?" in capsys.readouterr().err
