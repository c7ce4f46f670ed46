"""What `ersm-lab doctor` finds, and that it tells what is needed from what is optional."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from ersm_lab import doctor
from ersm_lab.cli import main
from ersm_lab.doctor import BROKEN, GOOD, MISSING, Finding, examine, show


@pytest.fixture
def paths(lab: Path) -> dict[str, str]:
    return {"data": "data", "outputs": "outputs", "cache": "outputs/.cache"}


def found(findings: list[Finding], part: str) -> Finding:
    return next(item for item in findings if item.part == part)


def data_group(root: str, layout: str = "cifar10") -> dict[str, str]:
    return {"root": root, "layout": layout}


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


def test_data_sets_are_found_where_they_lie(paths: dict[str, str], lab: Path) -> None:
    (lab / "data" / "there").mkdir(parents=True)
    (lab / "data" / "packed.tar.gz").write_text("")
    groups = {
        "there": data_group("data/there"), "packed": data_group("data/packed"), "cifar10": data_group("data/cifar10"),
        "other": data_group("data/other"), "cluttered_digits": data_group("data/x", "composites"),
    }  # fmt: skip
    findings = examine(paths, groups)
    states = {name: found(findings, f"data={name}").state for name in groups}
    assert states == {
        "there": GOOD,
        "packed": GOOD,
        "cifar10": MISSING,
        "other": MISSING,
        "cluttered_digits": GOOD,
    }
    assert (
        "torchvision.datasets.CIFAR10('data/cifar10', download=True)"
        in found(findings, "data=cifar10").remedy
    )
    assert "put it into data/other" in found(findings, "data=other").remedy
    assert "data make cluttered_digits" in found(findings, "data=cluttered_digits").remedy


def test_the_commands_that_get_data_exist() -> None:
    """A name that torchvision or the Cityscapes package dropped would send users astray."""
    import torchvision

    for name in ("cifar10", "food101", "pets"):
        call = doctor._SOURCES[name].partition("torchvision.datasets.")[2].partition("(")[0]
        assert callable(getattr(torchvision.datasets, call))
    scripts = {item.name for item in importlib.metadata.entry_points(group="console_scripts")}
    if importlib.metadata.packages_distributions().get("cityscapesscripts"):
        assert "csDownload" in scripts


def test_a_missing_package_is_broken_when_needed_and_missing_when_an_extra(
    paths: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needs = [
        "numpy>=2",
        "absent-one>=1",
        "pandas<1",
        'absent-two>=3; extra == "dev"',
        'ersm-lab[dev]; extra == "all"',
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: needs)
    findings = examine(paths, {})
    needed = found(findings, "packages")
    assert needed.state == BROKEN
    assert "absent-one>=1: not installed" in needed.found
    assert "pandas<1:" in needed.found
    assert "numpy" not in needed.found
    assert found(findings, "extra: dev").found == "without absent-two"
    assert found(findings, "extra: dev").remedy == "pip install 'ersm-lab[dev]'"
    assert show(findings) == 1
    assert "broken: packages" in capsys.readouterr().out


def test_a_broken_torch_is_said_not_raised(paths: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def refuse(name: str, *args: object, **keywords: object) -> object:
        if name == "torch":
            raise OSError("libcudart.so.12: cannot open shared object file\nmore")
        return real(name, *args, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    findings = list(doctor._torch())
    assert [item.state for item in findings] == [BROKEN]
    assert findings[0].found == "OSError: libcudart.so.12: cannot open shared object file"


def test_wandb_says_whether_there_is_a_key_without_showing_it(
    paths: dict[str, str], lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETRC", str(lab / "netrc"))
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert found(examine(paths, {}), "W&B").state == MISSING
    (lab / "netrc").write_text("machine api.wandb.ai login user password made-up-word\n")
    (lab / "netrc").chmod(0o600)
    by_file = found(examine(paths, {}), "W&B")
    (lab / "netrc").unlink()
    monkeypatch.setenv("WANDB_API_KEY", "made-up-word")
    by_name = found(examine(paths, {}), "W&B")
    assert by_file.state == by_name.state == GOOD
    assert "WANDB_MODE=offline" in by_name.found
    show([by_file, by_name])
    assert "made-up-word" not in capsys.readouterr().out


def test_offline_runs_that_wait_are_counted(paths: dict[str, str], lab: Path) -> None:
    for place in range(3):
        (lab / f"outputs/ersm/demo/run{place}/wandb/offline-run-{place}").mkdir(parents=True)
    assert found(examine(paths, {}), "W&B, offline").found.startswith("3 recorded offline")


def test_an_output_folder_that_cannot_be_written_is_broken(
    paths: dict[str, str], lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lab / "outputs").mkdir()
    monkeypatch.setattr(doctor.os, "access", lambda place, mode: Path(place).name != "outputs")
    findings = examine(paths, {})
    assert found(findings, "disk: outputs").state == BROKEN
    assert "paths.outputs=DIR" in found(findings, "disk: outputs").remedy
    assert found(findings, "disk: data").state == GOOD
