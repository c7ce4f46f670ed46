"""The workspace and the report as W&B would get them, as far as that goes without an account."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from ersm_lab.config.composer import compose_experiment
from ersm_lab.core.plugins import plugins
from ersm_lab.plan.planner import Planner
from tests.conftest import TINY

SCRIPT = Path(__file__).parents[2] / "scripts" / "wandb_workspace.py"


@pytest.fixture
def script(lab: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, run by somebody without a key."""
    pytest.importorskip(
        "wandb_workspaces", reason="wandb-workspaces is not installed: pip install 'ersm-lab[wandb]'"
    )
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(lab))
    monkeypatch.setenv("NETRC", str(lab / "netrc"))
    spec = importlib.util.spec_from_file_location("wandb_workspace", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "wandb_workspace", module)
    spec.loader.exec_module(module)
    return module


def written(script: ModuleType, lab: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    assert script.main(["--entity", "us", "--project", "lab", "--out", str(lab / "views.json")]) == 0
    made = json.loads((lab / "views.json").read_text())
    specs = [made[name]["spec"] for name in ("workspace", "report")]
    view, text = (json.loads(spec) if isinstance(spec, str) else spec for spec in specs)
    return view, text


def test_the_workspace_groups_by_the_keys_that_runs_send(script: ModuleType, lab: Path) -> None:
    view, _ = written(script, lab)
    section = view["section"]
    grouped = [key["name"].removesuffix(".value") for key in section["runSets"][0]["grouping"]]
    assert grouped == ["paper", "experiment", "variant"]
    banks = [bank for bank in section["panelBankConfig"]["sections"] if bank["panels"]]
    assert [bank["name"] for bank in banks] == [paper.title for paper in script.PAPERS]
    for bank, paper in zip(banks, script.PAPERS, strict=True):
        configs = [panel["config"] for panel in bank["panels"]]
        drawn = [key for config in configs for key in config.get("metrics", []) + config.get("mediaKeys", [])]
        figures = [f"figures/{name}" for name in paper.figures]
        assert drawn == [*paper.curves, *paper.numbers, *figures]
        assert {config.get("groupArea") for config in configs if "metrics" in config} == {"stddev"}


def test_the_report_has_a_part_per_paper_with_that_papers_runs(script: ModuleType, lab: Path) -> None:
    _, text = written(script, lab)
    grids = [block["metadata"] for block in text["blocks"] if block["type"] == "panel-grid"]
    chosen = [item["value"] for grid in grids for item in grid["runSets"][0]["filters"]["filters"]]
    assert chosen == [paper.name for paper in script.PAPERS]
    assert set(chosen) == {name for name, plugin in plugins().items() if plugin.smoke}


def test_what_is_drawn_of_ersm_is_what_its_runs_log(script: ModuleType, lab: Path) -> None:
    words = ["experiment=ersm/digits", "model.backbone.from_experiment=null", *TINY, "evaluation.panels=2"]
    from ersm_lab.training.run import train

    cell = Planner().plan(compose_experiment(words))
    run = train(cell.experiment, cell.identity)
    paper = script.PAPERS[0]
    assert set(paper.curves) <= set(pd.read_csv(run.metrics_path))
    assert set(paper.numbers) <= set(run.record.summary)
    assert set(paper.figures) <= {entry.name for entry in run.artifacts.entries() if entry.kind == "figure"}


def test_without_a_key_or_a_server_it_is_one_line(
    script: ModuleType, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert script.main([]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "no W&B key" in err
    assert script.main(["--out", "no/such/folder.json"]) == 1
    assert (
        capsys.readouterr().err
        == "error: --out no/such/folder.json cannot be written: No such file or directory\n"
    )
