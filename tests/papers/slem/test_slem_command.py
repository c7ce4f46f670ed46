"""``ersm-lab slem`` as a user meets it: what is written, and how bad input is answered."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from ersm_lab.cli import main
from ersm_lab.papers.slem import entropy_points, spatial_learning_entropy

SMALL = ["hidden=[4]", "memory=8", "pretrain_epochs=1"]
SETTINGS = {"hidden": 4, "memory": 8, "pretrain_epochs": 1}
GREY = np.random.default_rng(0).integers(0, 256, (16, 20), dtype=np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (16, 20, 3), dtype=np.uint8)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_everything_of_one_picture(lab, capsys):
    """Breaks when a file shows another map than the function's, or lies in other pixels."""
    Image.fromarray(GREY).save("a.png")
    assert (
        main(["slem", "a.png", *SMALL, "epochs=2", "quantile=0.9", "min_distance=1", "seed=3", "out=o"]) == 0
    )
    expected = spatial_learning_entropy(GREY, **SETTINGS, epochs=2, seed=3)
    out = lab / "o"
    with np.load(out / "a.npz") as held:
        np.testing.assert_array_equal(held["entropy"], expected.entropy)
        np.testing.assert_array_equal(held["activity"], expected.activity)
        np.testing.assert_array_equal(held["error"], expected.error)
    for epoch in (0, 1):
        map_ = np.asarray(Image.open(out / f"a_map_e{epoch + 1}.png"))
        assert map_.dtype == np.uint16
        assert map_.shape == GREY.shape
        np.testing.assert_allclose(
            map_[2:-2, 2:-2] / 65535 * expected.entropy[epoch].max(), expected.entropy[epoch], atol=1e-5
        )
        points = [row for row in rows_of(out / "a_points.csv") if row["epoch"] == str(epoch + 1)]
        wanted = entropy_points(expected.entropy[epoch], 5, 0.9, 1)
        assert [[int(row["row"]), int(row["column"])] for row in points] == wanted.tolist()
        assert float(points[0]["entropy"]) == pytest.approx(expected.entropy[epoch].max(), rel=1e-5)
        for kind in ("overlay", "points"):
            assert np.asarray(Image.open(out / f"a_{kind}_e{epoch + 1}.png")).shape == (16, 20, 3)
    (row,) = rows_of(out / "summary.csv")
    assert (row["picture"], row["rows"], row["columns"], row["problem"]) == ("a", "16", "20", "")
    assert json.loads((out / "settings.json").read_text())["epochs"] == 2
    assert (out / "summary.png").is_file()
    assert " s  " in capsys.readouterr().out  # the time of the picture


def test_depths_colours_and_stacks_of_a_folder(lab):
    """Breaks when a kind of file, a page or a colour is left out, or learnt at another depth."""
    folder = lab / "in"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(RGB).save(folder / "c.png")
    deep = (GREY.astype(np.uint16) << 8) + 17
    Image.fromarray(deep).save(folder / "sub" / "d.png")
    tifffile.imwrite(folder / "s.tif", np.stack([GREY, GREY[::-1]]))
    assert main(["slem", "in", *SMALL, "channels=each", "out=in/maps", "workers=2"]) == 0
    names = [row["picture"] for row in rows_of(folder / "maps" / "summary.csv")]
    assert names == ["c_red", "c_green", "c_blue", "s_p000", "s_p001", "sub/d"]
    for name, pixels in (("c_green", RGB[:, :, 1]), ("s_p001", GREY[::-1]), ("sub/d", deep)):
        with np.load(folder / "maps" / f"{name}.npz") as held:
            np.testing.assert_array_equal(
                held["entropy"], spatial_learning_entropy(pixels, **SETTINGS).entropy
            )
    # again, without learning what was written
    assert main(["slem", "in", *SMALL, "out=in/maps"]) == 0
    assert [row["picture"] for row in rows_of(folder / "maps" / "summary.csv")] == [
        "c",
        "s_p000",
        "s_p001",
        "sub/d",
    ]


def test_bad_pictures_among_good_ones(lab, capsys):
    """Breaks when one bad picture ends the others, is not named, or the exit code says that all went well."""
    folder = lab / "in"
    folder.mkdir()
    Image.fromarray(GREY).save(folder / "good.png")
    (folder / "broken.png").write_bytes(b"\x89PNG no")
    Image.fromarray(GREY[:5, :5]).save(folder / "tiny.png")  # one window: the memory does not fit
    Image.fromarray(GREY[:3]).save(folder / "flat.png")
    values = np.full((16, 20), 0.5, np.float32)
    values[3, 4] = np.nan
    tifffile.imwrite(folder / "nan.tif", values)
    assert main(["slem", "in", *SMALL, "out=o"]) == 1
    rows = {row["picture"]: row["problem"] for row in rows_of(lab / "o" / "summary.csv")}
    assert rows["good"] == ""
    assert "cannot be read as a picture" in rows["broken"]
    assert "memory is 8" in rows["tiny"]
    assert "window_size is 5, but the image has only 3 x 20" in rows["flat"]
    assert "NaN or infinite, the first at row 3, column 4" in rows["nan"]
    assert (lab / "o" / "good.npz").is_file()
    captured = capsys.readouterr()
    assert "4 of 5 pictures failed: broken, flat, nan, tiny" in captured.err
    assert "failed: tiny: memory is 8" in captured.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "slem needs a picture or a folder"),
        (["window_size=7"], "slem needs a picture or a folder"),
        (["none.png"], "no picture and no folder none.png"),
        (["empty"], "holds no picture"),
        (["a.png", "window_size=4"], "it must be odd"),
        (["a.png", "window_size=21"], "window_size is 21, but the image has only 16 x 20 pixels"),
        (["a.png", "alphas=[2,0]"], "'model.alphas' is [2.0, 0.0], but must be above 0"),
        (["a.png", "alphas=[-1]"], "must be above 0"),
        (["a.png", "alphas=[nan]"], "must be above 0"),
        (["a.png", "memory=192"], "memory is 192"),
        (["a.png", "learning_rate=900", "traversal=random"], "diverges at row"),
        (["a.png", "epochs=0"], "must be at least 1"),
        (["a.png", "quantile=2"], "must be at most 1"),
        (["a.png", "windw_size=7"], "unknown setting 'windw_size'; did you mean 'window_size'?"),
        (["a.png", "data.crop=9"], "unknown setting 'data.crop'"),
        (["a.png", "traversal=spiral"], "must be one of raster"),
        (["a.png", "hidden=[x]"], "hidden"),
        (["a.png", "b.png"], "got 'b.png'"),
        (["a.png", "model=ersm/baseline"], "no SLEM learner"),
        (["text.png"], "text.png cannot be read as a picture"),
        (["a.png", "out=text.png"], "text.png cannot be written"),
    ],
)
def test_a_mistake_is_one_line(lab, capsys, words, message):
    Image.fromarray(GREY).save("a.png")
    (lab / "empty").mkdir()
    (lab / "text.png").write_text("no picture")
    assert main(["slem", *words]) == 1
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error


@pytest.mark.parametrize(
    "words", [["--help"], ["a.png", "memry=3"], ["a.png", "memory=x"], ["a.png", "window_size=4"]]
)
def test_help_and_typos_import_neither_torch_nor_numba(lab, words):
    """Breaks when a typo has to wait for a compiler."""
    Image.fromarray(GREY).save("a.png")
    code = (
        f"import sys; from ersm_lab.cli import main; main(['slem', *{words!r}]); "
        "sys.exit(bool({'torch', 'numba', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_divergence_names_a_step_that_works(lab, capsys):
    """Breaks when the advice is not one that gets through."""
    Image.fromarray(GREY).save("a.png")
    assert main(["slem", "a.png", *SMALL, "learning_rate=900"]) == 1
    advice = [word for word in capsys.readouterr().err.split() if word.startswith("learning_rate=")][-1]
    assert advice != "learning_rate=900"
    assert main(["slem", "a.png", *SMALL, advice, "out=o"]) == 0


def test_compilation_is_shown_as_such(lab, capsys, monkeypatch):
    """Breaks when the first call's compile time counts as the picture's."""
    from ersm_lab.papers.slem import command

    Image.fromarray(GREY).save("a.png")
    monkeypatch.setattr(command, "newly_compiled", lambda: True)
    monkeypatch.setattr(command, "prepare", lambda dtype: 12.3)
    assert main(["slem", "a.png", *SMALL, "out=o"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "compiled in 12 s, once: it is kept on disk"
    assert second.startswith("[1/1] a  16x20  0.")
