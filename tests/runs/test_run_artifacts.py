"""Tables, arrays, figures and files, and the index that names each."""

from __future__ import annotations

import json

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

mpl.use("Agg")


def test_each_kind_is_written_and_named(run, tmp_path):
    import matplotlib.pyplot as plt

    store = run.artifacts
    frame = pd.DataFrame({"name": ["a", "b"], "value": [0.1, np.nan], "ok": [True, False]})
    store.table("samples", frame, title="Samples", description="one row per image")
    store.array("masks", keep=np.eye(3, dtype=np.float32), count=np.int64(4))
    figure, axes = plt.subplots(figsize=(2, 1))
    axes.plot([0, 1])
    store.figure("curve", figure)
    source = tmp_path / "notes.txt"
    source.write_text("text")
    assert store.file("notes", source).read_text() == "text"

    assert not plt.fignum_exists(figure.number)
    with Image.open(store.path / "curve.png") as image:
        assert image.size == (400, 200)
    entries = {entry.name: entry for entry in store.entries()}
    assert {name: entry.kind for name, entry in entries.items()} == {
        "samples": "table",
        "masks": "array",
        "curve": "figure",
        "notes": "file",
    }
    assert (entries["samples"].title, entries["samples"].description) == ("Samples", "one row per image")
    assert all(path.is_file() for entry in entries.values() for path in entry.paths)
    pd.testing.assert_frame_equal(store.read_table("samples"), frame)
    pd.testing.assert_frame_equal(pd.read_csv(store.path / "samples.csv"), frame, check_dtype=False)
    with np.load(store.path / "masks.npz", allow_pickle=False) as arrays:
        assert arrays["keep"].dtype == np.float32
        assert arrays["count"] == 4
    known = {path.name for entry in entries.values() for path in entry.paths} | {"index.json"}
    assert {path.name for path in store.path.iterdir()} == known


def test_writing_again_replaces(run):
    for value in (1, 2):
        run.artifacts.table("t", pd.DataFrame({"x": [value]}))
    assert run.artifacts.read_table("t")["x"].tolist() == [2]
    assert len(json.loads((run.artifacts.path / "index.json").read_text())) == 1


def test_a_figure_does_not_hide_a_table_of_its_name(run):
    import matplotlib.pyplot as plt

    for value in (1, 2):
        run.artifacts.table("classes", pd.DataFrame({"x": [value]}), "a table")
        run.artifacts.figure("classes", plt.figure(), "a figure")
    found = [(entry.name, entry.kind, entry.title) for entry in run.artifacts.entries()]
    assert sorted(found) == [("classes", "figure", "a figure"), ("classes", "table", "a table")]


def test_arrays_never_need_pickle(run):
    with pytest.raises(TypeError, match="names holds Python objects"):
        run.artifacts.array("a", names=np.array(["a", None], dtype=object))
    assert run.artifacts.entries() == []


def test_a_run_without_artifacts(run):
    assert run.artifacts.entries() == []
