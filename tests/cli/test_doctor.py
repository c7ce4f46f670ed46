"""What `ersm-lab doctor` finds, and that it tells what is needed from what is optional."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from ersm_lab.cli import doctor, main
from ersm_lab.cli.checks import BROKEN, GOOD, MISSING, Finding, belongings, installation, machine
from ersm_lab.cli.doctor import show
from ersm_lab.config.composer import compose_experiment
from ersm_lab.config.schema import PathsConfig
from ersm_lab.config.store import options
from ersm_lab.core.plugins import merged
from ersm_lab.core.schema import DataConfig
from ersm_lab.data.listing import source_of, state_of


def found(findings: Iterable[Finding], part: str) -> Finding:
    return next(item for item in findings if item.part == part)


def data_group(root: str, layout: str = "cifar10") -> DataConfig:
    return DataConfig(root=root, layout=layout)


def composed_of(layout: str) -> DataConfig:
    source = {"root": f"data/{layout}", "layout": layout}
    return DataConfig(root="data/x", layout="composites", options={"source": source})


def test_the_verb_names_every_part_and_ends_well_here(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for part in (
        "Python",
        "torch",
        "CUDA",
        "precision",
        "memory",
        "disk: outputs",
        "data=cifar10",
        "W&B",
        "extra: dev",
    ):
        assert part in text
    assert "nothing that is needed is broken" in text


def test_data_sets_are_found_where_they_lie(lab: Path) -> None:
    (lab / "data" / "there" / "train").mkdir(parents=True)
    (lab / "data" / "empty").mkdir()
    (lab / "data" / "packed.tar.gz").write_text("")
    groups = {
        "there": data_group("data/there"),
        "packed": data_group("data/packed"),
        "cifar10": data_group("data/cifar10"),
        "other": data_group("data/other", "newset"),
        "empty": data_group("data/empty"),
        "cluttered_digits": composed_of("digits"),
        "cifar10_composites": composed_of("cifar10"),
    }
    findings = list(belongings.data_sets(groups))
    states = {name: found(findings, f"data={name}").state for name in groups}
    assert states == {
        "there": GOOD,
        "packed": GOOD,
        "cifar10": MISSING,
        "other": MISSING,
        "empty": MISSING,  # an interrupted download
        "cluttered_digits": GOOD,
        "cifar10_composites": MISSING,
    }
    assert (
        "torchvision.datasets.CIFAR10('data/cifar10', download=True)"
        in found(findings, "data=cifar10").remedy
    )
    assert "put it into data/other" in found(findings, "data=other").remedy
    composed = found(findings, "data=cifar10_composites")
    assert composed.found == "data/x, made from data/cifar10"
    assert composed.remedy == found(findings, "data=cifar10").remedy


def test_the_commands_that_get_data_exist() -> None:
    """A name that torchvision or the Cityscapes package dropped would send users astray."""
    import torchvision

    for name in ("cifar10", "food101", "pets"):
        call = merged("sources")[name].partition("torchvision.datasets.")[2].partition("(")[0]
        assert callable(getattr(torchvision.datasets, call))
    scripts = {item.name for item in importlib.metadata.entry_points(group="console_scripts")}
    if importlib.metadata.packages_distributions().get("cityscapesscripts"):
        assert "csDownload" in scripts


def test_every_data_set_that_is_not_generated_has_a_way_to_get_it(lab: Path) -> None:
    """Breaks when a data set is added whose publisher's way doctor does not know."""
    groups = {name: compose_experiment([f"data={name}"]).config.data for name in options("data")}
    asked = [source_of(group).layout for group in groups.values() if state_of(group) == "missing"]
    assert asked
    assert set(asked) <= set(merged("sources"))


PROJECT = """
[project]
name = "ersm-lab"
dependencies = ["numpy>=2", %s]
[project.optional-dependencies]
dev = ["absent-two>=3", "ersm-lab[other]"]
other = ["numpy"]
"""


def test_a_missing_package_is_broken_when_needed_and_missing_when_an_extra(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Read from the checkout: what an editable installation recorded knows nothing of a later requirement."""
    monkeypatch.setattr(installation, "_ROOT", lab)
    (lab / "pyproject.toml").write_text(PROJECT % '"absent-one>=1", "pandas<1"')
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "broken   packages" in text
    assert "absent-one>=1: not installed; pandas<1:" in text
    assert "'absent-one>=1' 'pandas<1'\n" in text
    assert "torch" not in text  # what stands on broken packages is not asked
    (lab / "pyproject.toml").write_text(PROJECT % '"pandas"')
    (lab / "constraints.txt").write_text("")
    assert main(["doctor"]) == 0
    extra = found(installation.extras(), "extra: dev")
    assert (extra.state, extra.found) == (MISSING, "without absent-two")
    assert extra.remedy.endswith(f"-c {lab}/constraints.txt 'absent-two>=3'")
    assert found(installation.extras(), "extra: other").state == GOOD


def test_an_installed_wheel_is_asked_for_its_own_record(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_ROOT", lab)
    monkeypatch.setattr(
        importlib.metadata, "requires", lambda name: ["absent-one>=1", 'pytest; extra == "dev"']
    )
    assert installation._requirements(None) == ["absent-one>=1"]
    assert installation._requirements("dev") == ["pytest"]


def test_the_command_that_installs_is_one_for_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment made by uv has no pip: a bare `pip install` would fill another one."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert installation.install_command(["a>=1"]).startswith(f"uv pip install --python {sys.executable} ")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert installation.install_command(["a>=1"]).startswith(f"{sys.executable} -m pip install ")


def test_a_broken_torch_is_said_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def refuse(name: str, *args: object, **keywords: object) -> object:
        if name == "torch":
            raise OSError("libcudart.so.12: cannot open shared object file\nmore")
        return real(name, *args, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    findings = list(machine.torch_and_devices())
    assert [item.state for item in findings] == [BROKEN]
    assert findings[0].found == "OSError: libcudart.so.12: cannot open shared object file"


def test_wandb_says_whether_there_is_a_key_without_showing_it(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETRC", str(lab / "netrc"))
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert found(belongings.wandb("outputs"), "W&B").state == MISSING
    (lab / "netrc").write_text("machine api.wandb.ai login user password made-up-word\n")
    (lab / "netrc").chmod(0o600)
    by_file = found(belongings.wandb("outputs"), "W&B")
    (lab / "netrc").unlink()
    monkeypatch.setenv("WANDB_API_KEY", "made-up-word")
    by_name = found(belongings.wandb("outputs"), "W&B")
    assert by_file.state == by_name.state == GOOD
    assert "WANDB_MODE=offline" in by_name.found
    show([by_file, by_name])
    assert "made-up-word" not in capsys.readouterr().out


def test_offline_runs_that_wait_are_counted(lab: Path) -> None:
    for place in range(3):
        (lab / f"outputs/ersm/demo/run{place}/wandb/offline-run-{place}").mkdir(parents=True)
    assert found(belongings.wandb("outputs"), "W&B, offline").found.startswith("3 recorded offline")


def test_an_output_folder_that_cannot_be_written_is_broken(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lab / "outputs").mkdir()
    monkeypatch.setattr(machine.os, "access", lambda place, mode: Path(place).name != "outputs")
    findings = list(machine.disks(PathsConfig(data="data", outputs="outputs", cache="outputs/.cache")))
    assert found(findings, "disk: outputs").state == BROKEN
    assert "paths.outputs=DIR" in found(findings, "disk: outputs").remedy
    assert found(findings, "disk: data").state == GOOD


def test_findings_are_machine_readable(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = [Finding("torch", BROKEN, "absent", "install it"), Finding("W&B", GOOD, "there")]
    monkeypatch.setattr(doctor, "_findings", lambda words: findings)
    assert main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"part": "torch", "state": "broken", "found": "absent", "remedy": "install it"},
        {"part": "W&B", "state": "ok", "found": "there", "remedy": ""},
    ]
