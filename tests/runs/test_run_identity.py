"""Hashes of configurations, code and data; provenance; finding runs again."""

from __future__ import annotations

import copy
import json
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from ersm_lab.config.composer import Composer, compose_experiment
from ersm_lab.config.schema import RunConfig
from ersm_lab.core.errors import UserError
from ersm_lab.data import version
from ersm_lab.runs import provenance
from ersm_lab.runs.fingerprint import data_fingerprint, folder_fingerprint
from ersm_lab.runs.hashing import canonical_hash, config_hash, package_digest
from ersm_lab.runs.index import find_runs, finished_runs
from tests.runs.conftest import make

CONFIG = compose_experiment(
    ["data.root=/data/x", "+data.options.source={layout: imagefolder, root: /here, options: {size: 8}}"]
).config


def changed(key: str, value: object) -> RunConfig:
    config = copy.deepcopy(CONFIG)
    node = config
    *parents, last = key.split(".")
    for parent in parents:
        node = node[parent] if isinstance(node, dict) else getattr(node, parent)
    if isinstance(node, dict):
        node[last] = value
    else:
        setattr(node, last, value)
    return config


def test_hashes_of_every_experiment_are_those_of_finished_runs():
    # computed before the configuration became objects: a run that was finished then is found today
    golden = json.loads((Path(__file__).parents[1] / "golden" / "config_hashes.json").read_text())
    compose = Composer()
    found = {words: config_hash(compose(words.split()).config, "data", {}) for words in golden}
    assert found == golden


def test_the_canonical_form():
    assert canonical_hash({"a": 1, "b": [1, 2]}) == canonical_hash({"b": (1.0, 2), "a": 1})
    assert canonical_hash({"a": 1}) != canonical_hash({"a": "1"})
    # what is not set, or switched off, is as good as absent
    assert canonical_hash({"a": None, "b": {"enabled": False, "c": 1}}) == canonical_hash({})
    assert canonical_hash({"b": {"enabled": True}}) != canonical_hash({})
    assert canonical_hash({"a": [None]}) != canonical_hash({"a": []})
    assert canonical_hash({"a": True}) != canonical_hash({"a": 1})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("paths.outputs", "elsewhere"),
        ("logger.name", "wandb"),
        ("data.root", "/other"),
        ("data.options.source.root", "/other"),
        ("trainer.accelerator", "gpu"),
        ("trainer.progress", "bar"),
    ],
)
def test_what_does_not_change_a_result_does_not_count(key, value):
    before = copy.deepcopy(CONFIG)
    assert config_hash(changed(key, value), "d", {}) == config_hash(CONFIG, "d", {})
    assert before == CONFIG


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 4),
        ("data.batch_size", 48),
        ("data.options.source.layout", "cifar10"),
        ("model.mask.temperature", 2.0),
        ("trainer.precision", "bf16-mixed"),
        ("trainer.accumulate", 2),
    ],
)
def test_what_changes_a_result_counts(key, value):
    assert config_hash(changed(key, value), "d", {}) != config_hash(CONFIG, "d", {})


def test_data_and_upstream_count():
    hashes = {
        config_hash(CONFIG, data, up) for data in "de" for up in ({}, {"backbone": "1"}, {"backbone": "2"})
    }
    assert len(hashes) == 6


def test_a_weights_file_counts_with_its_content(tmp_path):
    one, same, other = (tmp_path / name for name in ("one.pt", "same.pt", "other.pt"))
    one.write_bytes(b"w")
    same.write_bytes(b"w")
    other.write_bytes(b"v")
    first, second, third = (
        config_hash(changed("model.backbone.checkpoint", str(p)), "d", {}) for p in (one, same, other)
    )
    assert first == second != third
    # a run's checkpoint is identified by the run
    up = {"backbone": "beef"}
    assert (
        len({config_hash(changed("model.backbone.checkpoint", str(p)), "d", up) for p in (one, other)}) == 1
    )


def test_the_package_digest_is_stable():
    assert package_digest() == package_digest.__wrapped__()
    assert len(package_digest()) == 64


def test_generated_data_need_not_exist(monkeypatch):
    source = {"layout": "digits", "root": "nowhere", "options": {"size": 16}}
    options = {"canvas": 64, "source": source}
    one = data_fingerprint("composites", Path("nowhere"), options)
    moved = {"canvas": 64, "source": {**source, "root": "elsewhere"}}
    assert data_fingerprint("composites", Path("elsewhere"), moved) == one
    assert data_fingerprint("composites", Path("nowhere"), {**options, "canvas": 96}) != one
    inner = {"canvas": 64, "source": {**source, "options": {"size": 32}}}
    assert data_fingerprint("composites", Path("nowhere"), inner) != one
    monkeypatch.setitem(version.GENERATED, "digits", 99)
    assert data_fingerprint("composites", Path("nowhere"), options) != one
    with pytest.raises(UserError, match="source needs layout and root"):
        data_fingerprint("composites", Path("nowhere"), {"source": {"layout": "digits"}})


def fill(root: Path, folders: int = 3, files: int = 4) -> Path:
    for folder in range(folders):
        (root / f"c{folder}").mkdir(parents=True)
        for file in range(files):
            (root / f"c{folder}" / f"{file}.png").write_bytes(b"x" * (file + 1))
    return root


def test_folders_are_names_and_sizes(tmp_path):
    one = data_fingerprint("imagefolder", fill(tmp_path / "a"), {})
    assert data_fingerprint("imagefolder", fill(tmp_path / "b"), {}) == one
    hidden = fill(tmp_path / "c")
    (hidden / ".DS_Store").write_bytes(b"")
    assert data_fingerprint("imagefolder", hidden, {}) == one
    longer = fill(tmp_path / "d")
    (longer / "c0" / "0.png").write_bytes(b"xyz")
    assert data_fingerprint("imagefolder", longer, {}) != one
    renamed = fill(tmp_path / "e")
    (renamed / "c0").rename(renamed / "c9")
    assert data_fingerprint("imagefolder", renamed, {}) != one


def pack(archive: Path, folder: Path, inside: str) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for path in sorted(folder.rglob("*.png")):
                packed.write(path, f"{inside}/{path.relative_to(folder)}")
        return
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(folder, arcname=inside)


@pytest.mark.parametrize("ending", [".tgz", ".tar.gz", ".zip"])
@pytest.mark.parametrize("inside", ["birds", "other"])
def test_unpacking_changes_nothing(tmp_path, ending, inside):
    from ersm_lab.files.archives import folder_or_archive

    archive = tmp_path / f"birds{ending}"
    pack(archive, fill(tmp_path / "source"), inside)
    root = tmp_path / "birds"
    packed = data_fingerprint("cub200", root, {})
    assert data_fingerprint("cub200", archive, {}) == packed
    folder_or_archive(root)
    assert root.is_dir()
    folder_fingerprint.cache_clear()
    assert data_fingerprint("cub200", root, {}) == packed
    # and an archive inside the folder of a data set
    outer = tmp_path / "pets"
    outer.mkdir()
    pack(outer / f"birds{ending}", tmp_path / "source", inside)
    packed = data_fingerprint("pets", outer, {})
    folder_or_archive(outer / "birds")
    folder_fingerprint.cache_clear()
    assert data_fingerprint("pets", outer, {}) == packed


def test_the_published_name_of_cifar10(tmp_path):
    pack(tmp_path / "cifar-10-python.tar.gz", fill(tmp_path / "source"), "cifar-10-batches-py")
    assert data_fingerprint("cifar10", tmp_path / "cifar10", {})
    with pytest.raises(UserError):
        data_fingerprint("food101", tmp_path / "cifar10", {})


def test_missing_empty_and_broken_data(tmp_path):
    with pytest.raises(UserError, match=r"no data in .*gone .*data\.root=FOLDER"):
        data_fingerprint("imagefolder", tmp_path / "gone", {})
    (tmp_path / "empty" / "train").mkdir(parents=True)
    with pytest.raises(UserError, match="is empty"):
        data_fingerprint("imagefolder", tmp_path / "empty", {})
    (tmp_path / "broken.tgz").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"broken\.tgz cannot be read"):
        data_fingerprint("imagefolder", tmp_path / "broken", {})
    fill(tmp_path / "linked")
    (tmp_path / "linked" / "c0" / "gone.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(UserError, match="link to a file that does not exist"):
        data_fingerprint("imagefolder", tmp_path / "linked", {})
    fill(tmp_path / "loop")
    (tmp_path / "loop" / "c0" / "up").symlink_to(tmp_path / "loop")
    assert data_fingerprint("imagefolder", tmp_path / "loop", {})


@pytest.mark.slow
def test_50_000_files_take_under_two_seconds_once(tmp_path):
    fill(tmp_path / "big", folders=100, files=500)
    start = time.perf_counter()
    first = data_fingerprint("imagefolder", tmp_path / "big", {})
    took = time.perf_counter() - start
    start = time.perf_counter()
    assert data_fingerprint("imagefolder", tmp_path / "big", {}) == first
    assert time.perf_counter() - start < 0.01
    assert took < 2


def test_runs_are_found_newest_first(tmp_path):
    assert find_runs(tmp_path / "none") == []
    runs = [make(tmp_path, experiment=name) for name in ("demo", "demo", "a/b")]
    names = ("20260101_000000-aaaaaa", "20260102_000000-aaaaaa", "20250101_000000-aaaaaa")
    for run, name in zip(runs, names, strict=True):
        run.path.rename(run.path.with_name(name))
    (tmp_path / ".cache" / "x").mkdir(parents=True)
    (tmp_path / ".cache" / "x" / "run.json").write_text("{}")
    (tmp_path / "ersm" / "demo" / "damaged").mkdir()
    (tmp_path / "ersm" / "demo" / "damaged" / "run.json").write_text("{")
    inner = tmp_path / "ersm" / "demo" / names[0] / "wandb" / "x"
    inner.mkdir(parents=True)
    (inner / "run.json").write_text((tmp_path / "ersm" / "demo" / names[0] / "run.json").read_text())
    assert [run.path.name for run in find_runs(tmp_path)] == sorted(names, reverse=True)
    assert [run.path.name for run in find_runs(tmp_path, "ersm", "demo")] == [names[1], names[0]]
    assert [run.path.name for run in find_runs(tmp_path, "ersm", "a/b")] == [names[2]]
    assert find_runs(tmp_path, "fornet") == []


def test_only_finished_runs_count(tmp_path):
    first, second = make(tmp_path), make(tmp_path, package_digest="beef")
    assert finished_runs({tmp_path}) == {}
    first.finish("finished")
    second.finish("failed")
    assert finished_runs({tmp_path}) == {(tmp_path, "c0ffee"): first.path}
    first.update(status="failed")
    second.finish("finished")
    assert finished_runs({tmp_path}) == {(tmp_path, "c0ffee"): second.path}


def test_git_state(tmp_path, monkeypatch):
    package = tmp_path / "repo" / "package"
    package.mkdir(parents=True)
    module = package / "__init__.py"
    module.write_text("a = 1\n")
    monkeypatch.setattr(provenance.ersm_lab, "__file__", str(module))
    nothing = {"commit": None, "dirty": None, "diff_hash": None}
    assert provenance.git_state() == nothing

    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *words], cwd=package.parent, check=True, capture_output=True)

    git("init")
    git("commit", "--allow-empty", "-m", "empty")
    assert provenance.git_state() == nothing  # installed inside somebody else's repository
    git("add", ".")
    git("commit", "-m", "one")
    clean = provenance.git_state()
    assert (len(clean["commit"]), clean["dirty"], clean["diff_hash"]) == (40, False, None)
    module.write_text("a = 2\n")
    dirty = provenance.git_state()
    assert (dirty["commit"], dirty["dirty"]) == (clean["commit"], True)
    module.write_text("a = 3\n")
    assert provenance.git_state()["diff_hash"] != dirty["diff_hash"]
