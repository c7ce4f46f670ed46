"""Sweeps on the command line: what runs, what is passed over, what one bad job does to the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import open_dict

from ersm_lab.config import compose as composing
from ersm_lab.config.composer import compose_cells
from ersm_lab.config.documents import load_document
from ersm_lab.config.store import conf_dir, folders, frozen, options, register
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain
from ersm_lab.launch.jobs import Outcome
from ersm_lab.runs.index import find_runs
from ersm_lab.sweeps import record
from ersm_lab.sweeps.record import SweepRecord
from ersm_lab.sweeps.request import is_sweep, merge_words, sweep_request
from ersm_lab.sweeps.schema import SweepConfig
from tests.launch.cells import named_cell
from tests.launch.commands import LONG, ROOT, SMALL, finish, lab_command, runs


def test_killed_and_failed_jobs_leave_the_others_alone_and_are_run_again(lab: Path) -> None:
    """kill -9 of one job and an error in another: the third is done, both are listed with their logs, the exit code
    is 1; the same command without what failed them runs those two and not the third."""
    epochs = ["trainer.max_epochs=2,5000"]  # the long one is there to be killed
    sweep = lab_command(
        "train", "-m", *SMALL, "seed=0", *epochs, "model.backbone.name=resnet18,resnet19", "jobs=4"
    )
    deadline = time.monotonic() + 400
    victim = None
    while victim is None and time.monotonic() < deadline:
        for run in find_runs(Path("outputs")):
            if run.config["trainer"]["max_epochs"] == 5000 and run.metrics_path.is_file():
                victim = run.record.pid
        time.sleep(0.2)
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    out, err = finish(sweep, 1)
    assert "0 running, 1 done, 3 failed, 0 skipped" in out
    assert "SIGKILL" in err
    assert "no backbone named" in err or "nearest names are" in err
    logs = [line.partition("log: ")[2] for line in err.splitlines() if "log: " in line]
    assert len(logs) == 3
    assert all(Path(log).is_file() for log in logs)
    (record,) = Path("outputs/sweeps").glob("*/sweep.json")
    saved = json.loads(record.read_text())
    assert saved["status"] == "failed"
    assert sorted(cell["state"] for cell in saved["cells"]) == ["done", "failed", "failed", "failed"]

    listed, _ = finish(lab_command("train", "-m", *SMALL, "trainer.max_epochs=2,3", "--dry-run"), 0)
    assert "1 finished, 0 running, 1 missing" in listed
    again, _ = finish(lab_command("train", "-m", *SMALL, "trainer.max_epochs=2,3"), 0)
    assert "1 done, 0 failed, 1 skipped" in again


@pytest.mark.slow
def test_sigterm_of_the_sweep_ends_its_jobs(lab: Path) -> None:
    """Breaks when jobs outlive the sweep that started them, or its exit code says that all is well."""
    sweep = lab_command("train", "-m", *SMALL, LONG, "seed=0,1", "jobs=2")
    deadline = time.monotonic() + 400
    while len([run for run in find_runs(Path("outputs")) if run.metrics_path.is_file()]) < 2:
        assert time.monotonic() < deadline
        assert sweep.poll() is None
        time.sleep(0.2)
    sweep.send_signal(signal.SIGTERM)
    finish(sweep, 143)
    assert runs() == {(0, "interrupted"): 1, (1, "interrupted"): 1}
    (record,) = Path("outputs/sweeps").glob("*/sweep.json")
    assert json.loads(record.read_text())["status"] == "interrupted"


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("-m", "jobs=2")])
def test_ctrl_c_interrupts_and_says_so(flags: tuple[str, ...], lab: Path) -> None:
    """Breaks when a run that is interrupted, alone or in a sweep, counts as failed, or lives on."""
    process = lab_command("train", *SMALL, LONG, *flags, start_new_session=True)
    while not (found := [run for run in find_runs(Path("outputs")) if run.metrics_path.is_file()]):
        assert process.poll() is None
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, err = finish(process, 130)
    assert err.splitlines()[-1] == "interrupted"
    assert found[0].status == "interrupted"


@pytest.mark.slow
def test_a_failed_backbone_fails_its_heads_only(lab: Path) -> None:
    """Breaks when the run that others need first takes the whole sweep down."""
    bad = "model.backbone.from_overrides=['model.backbone.name=resnet19','trainer.threads=1']"
    words = [word for word in SMALL if not word.startswith("model.backbone.from")]
    source = "model.backbone.from_experiment=null,ersm/digits_backbone"
    out, err = finish(lab_command("train", "-m", *words, source, bad), 1)
    assert "1 done, 2 failed, 0 skipped" in out
    assert "its backbone's run failed" in err


def test_dry_run_lists_cells_without_torch(lab: Path) -> None:
    code = (
        "import sys; from ersm_lab.cli import main;"
        "assert main(['train', '-m', 'sweep=ersm/lambda_gamma_patch', '--dry-run']) == 0;"
        "assert 'torch' not in sys.modules; assert 'optuna' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    lines = done.stdout.splitlines()
    assert lines[-1] == "0 finished, 0 running, 33 missing"  # 4 x 4 x 2 heads, and the backbone that all need
    assert "ersm/digits_backbone" in lines[0]
    assert len({line.split()[1] for line in lines[:-1]}) == 33
    assert not Path("outputs").exists()


@pytest.mark.parametrize("name", options("sweep"))
def test_presets_compose_and_name_known_keys(name: str, lab: Path) -> None:
    """Breaks when a preset names a key or an experiment that is gone. A search is composed at its ends."""
    request = sweep_request(["-m", f"sweep={name}"])
    if request.search is not None:
        from ersm_lab.sweeps.space import split_space

        fixed, space = split_space(request.words)
        words = [*fixed, *(f"{one.key}={','.join(one.ends())}" for one in space)]
    else:
        words = request.words
    cells = compose_cells(words)
    assert len(cells) > 1
    assert len({json.dumps(plain(cell.config)) for cell in cells}) == len(cells)
    header = (conf_dir() / "sweep" / f"{name}.yaml").read_text()
    assert f"sweep={name}" in header
    assert "# Cost:" in header


def test_the_papers_grid_is_whole(lab: Path) -> None:
    cells = compose_cells(sweep_request(["-m", "sweep=ersm/paper_grid"]).words)
    configs = [cell.config for cell in cells]
    found = {(c.model.backbone.name, c.data.transform.size, c.model.mask.patch_size) for c in configs}
    names = ("resnet50", "convnext_tiny", "tf_efficientnetv2_s")
    assert found == {(name, size, patch) for name in names for size in (224, 256, 448) for patch in (1, 2)}


@pytest.mark.parametrize(
    "words",
    [
        ["seed=range(0,3)", "model=ersm/baseline,ersm/published", "+extra.note=a,b"],
        ["experiment=fornet/toy_streets", "model.head.topk_ratios=[0.1,0.2,0.3,0.4],[1,1,1,1]"],
        ["experiment=ersm/digits,ersm/digits_backbone", "trainer=cpu,auto", "trainer.max_epochs=1"],
    ],
)
def test_cells_equal_those_of_hydras_own_multirun(words: list[str], lab: Path) -> None:
    """Breaks when the shared composition leaks from cell to cell, or applies a value too early."""
    parsed = OverridesParser.create().parse_overrides(words)
    (cells,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    hydras = []
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for cell in cells:
            config = compose("config", overrides=list(cell), return_hydra_config=True)
            taken = {group: option for group, option in config.hydra.runtime.choices.items() if option}
            with open_dict(config):
                del config["hydra"]
            hydras.append(composing.finish(config, taken, list(cell)))
    assert compose_cells(words) == hydras


def test_a_word_of_the_user_replaces_the_presets(lab: Path) -> None:
    preset = load_document("sweep", "ersm/lambda_gamma_patch", SweepConfig)
    own = ["model.mask.patch_size=1", "experiment=ersm/cifar10", "seed=0,1"]
    words = merge_words(preset.words(), own)
    assert "experiment=ersm/digits" not in words
    assert [word for word in words if word.startswith("model.mask.patch_size")] == ["model.mask.patch_size=1"]
    assert "model.mask.lambda_unary=0,0.001,0.01,0.1" in words


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweep=ersm/lambda_gama"], "did you mean 'ersm/lambda_gamma_patch'"),
        (["sweep=ersm/search", "sweep.search.trails=3"], "did you mean 'search.trials'"),
        (["sweep=ersm/search", "sweep.search.trials=0"], "at least 1"),
        (["launcher=slum"], "did you mean 'slurm'"),
        (["launcher.minuts=3"], "did you mean 'minutes'"),
        (["sweep.title=x"], "no sweep=NAME"),
        (["sweep=ersm/search", "sweep.serch.trials=3"], "unknown key 'serch'; did you mean 'search'"),
        (["jobs=0"], "at least 1"),
    ],
)
def test_bad_requests_are_one_line(words: list[str], message: str, lab: Path) -> None:
    with pytest.raises(UserError, match=message) as error:
        sweep_request(["-m", *words])
    assert "\n" not in str(error.value)


def test_an_interval_outside_of_a_search_says_where_it_belongs(lab: Path) -> None:
    with pytest.raises(UserError, match="needs a search"):
        compose_cells(["optimizer.lr=interval(0.1,1)"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_takes_the_log_and_not_the_answer(lab: Path) -> None:
    """Breaks when a job that cannot write its log ends as an exit code without a reason."""
    code = (
        "from pathlib import Path; from ersm_lab.launch.work import work;"
        "answer = work(None, Path('/dev/full'), Path('nowhere'));"
        "Path('answer').write_text(' '.join(answer))"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": ROOT}, check=False)
    assert Path("answer").read_text().startswith("failed FileNotFoundError")


def test_a_sweep_that_cannot_write_its_record_goes_on(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Breaks when a disk that fills up ends the jobs that are running, or hides which have failed."""
    sweep = SweepRecord(lab / "sweep", sweep_request(["-m"]), {})

    def full(path: Path, value: object) -> None:
        raise UserError(f"no space left on the disk for {path}")

    monkeypatch.setattr(record, "write_json", full)
    monkeypatch.setattr(record, "_EVERY", -1.0)
    sweep.settled(Outcome(named_cell("a"), "failed", lab / "log"))
    sweep.close([])
    assert "sweep.json is not up to date: no space left" in capsys.readouterr().err


def test_a_bad_cell_among_good_ones_is_named(lab: Path) -> None:
    """Breaks when a sweep of many cells says what is wrong and not in which."""
    with pytest.raises(UserError, match=r"trainer\.max_epochs.*in the cell trainer\.max_epochs=0 seed=0"):
        compose_cells(["experiment=ersm/digits", "trainer.max_epochs=1,0", "seed=0,1"])
    with pytest.raises(UserError, match=r"unknown key 'typo'.*max_epochs'\?$|unknown key 'typo'[^(]*$"):
        compose_cells(["typo=1"])


def test_a_folder_of_ones_own_reaches_presets_and_backbones(lab: Path) -> None:
    """Breaks when --config-dir is known to the cells only: the experiment that makes a backbone would not be found."""
    top, backbone = "# @package _global_\n", "model: {backbone: {from_experiment: own/backbone}}\n"
    files = {
        "experiment/own/backbone": f"{top}defaults: [ersm/digits_backbone]\nname: ersm/mine\n",
        "experiment/own/head": f"{top}defaults: [ersm/digits]\n{backbone}",
        "sweep/own/grid": "experiment: own/head\ngrid: {seed: [0, 1]}\n",
    }
    for name, text in files.items():
        path = lab / "conf" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    code = (
        "from ersm_lab.cli import main; import sys;"
        "assert main(['train', 'sweep=own/grid', '--config-dir', 'conf', '--dry-run']) == 0;"
        "assert main(['train', '-m', '--config-dir=nowhere', 'seed=0']) == 1"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ROOT}
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "ersm/mine" in lines[0]
    assert lines[-1] == "0 finished, 0 running, 3 missing"
    assert done.stderr == "error: --config-dir nowhere is no folder\n"


def test_what_is_a_sweep() -> None:
    assert is_sweep(["seed=0", "-m"])
    assert is_sweep(["sweep=ersm/search"])
    assert is_sweep(["--dry-run"])
    assert not is_sweep(["seed=0", "experiment=ersm/digits"])


def test_conf_is_frozen_at_the_launch(lab: Path) -> None:
    """Breaks when what is composed later, such as an Optuna trial, sees an edit made after the launch."""
    (outside, *_) = folders()
    with frozen():
        (inside,) = folders()
        assert inside != outside
        assert (inside / "config.yaml").read_bytes() == (outside / "config.yaml").read_bytes()
        assert compose_cells(["seed=0,1"])[1].config.seed == 1
    assert folders()[0] == outside
    assert not inside.exists()
