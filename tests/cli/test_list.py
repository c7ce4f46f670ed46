"""`ersm-lab list`: a line for everything that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ersm_lab.cli import main
from ersm_lab.cli.list import KINDS
from ersm_lab.config.store import options
from ersm_lab.core.plugins import merged, plugins

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


def test_without_a_kind_all_are_listed(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert [line.rstrip(":") for line in said.splitlines() if line and not line.startswith(" ")] == list(
        KINDS
    )
    assert main(["list", "model"]) == 1
    assert "no kind named 'model'; did you mean 'models'?" in capsys.readouterr().err
