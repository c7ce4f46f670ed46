"""Tables, arrays and figures of a run, and the index that names each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ersm_lab.files.atomic import write_json, write_with

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Artifact:
    """One entry of ``index.json``; ``kind`` is table, array, figure, file or folder; ``paths`` are absolute."""

    name: str
    kind: str
    paths: list[Path]
    title: str
    description: str


class _Entry(TypedDict):
    """As ``index.json`` has it; ``files`` are relative."""

    name: str
    kind: str
    files: list[str]
    title: str
    description: str
    created: str


class ArtifactStore:
    """The folder ``artifacts/``. Writing a name again replaces it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def table(self, name: str, frame: pandas.DataFrame, title: str = "", description: str = "") -> None:
        """A tidy table, as ``<name>.parquet`` and ``<name>.csv``."""
        self._put(f"{name}.parquet", lambda path: frame.to_parquet(path, index=False))
        self._put(f"{name}.csv", lambda path: frame.to_csv(path, index=False))
        self._note(name, "table", [f"{name}.parquet", f"{name}.csv"], title, description)

    def array(self, name: str, title: str = "", description: str = "", **arrays: ArrayLike) -> None:
        """Named arrays, as ``<name>.npz``."""
        import numpy as np

        if pickled := [key for key, value in arrays.items() if np.asarray(value).dtype.hasobject]:
            raise TypeError(f"array {name}: {pickled[0]} holds Python objects, which only pickle can store")
        # numpy's types take every keyword for its own `allow_pickle`
        self._put(f"{name}.npz", lambda path: np.savez_compressed(path, **arrays))  # type: ignore[arg-type]
        self._note(name, "array", [f"{name}.npz"], title, description)

    def figure(self, name: str, figure: Figure, title: str = "", description: str = "") -> Path:
        """A matplotlib figure, as ``<name>.png`` at 200 dpi; it is closed."""
        import matplotlib.pyplot as plt

        self._put(f"{name}.png", lambda path: figure.savefig(path, dpi=200, format="png"))
        plt.close(figure)
        self._note(name, "figure", [f"{name}.png"], title, description)
        return self.path / f"{name}.png"

    def file(self, name: str, source: Path, title: str = "", description: str = "") -> Path:
        """A copy of any file, as ``<name>`` with the ending of ``source``."""
        target = f"{name}{source.suffix}"
        self._put(target, lambda path: shutil.copyfile(source, path))
        self._note(name, "file", [target], title, description)
        return self.path / target

    def folder(self, name: str, title: str = "", description: str = "") -> Path:
        """An empty folder ``<name>/`` for files that other programs read; what an earlier one held is gone."""
        target = self.path / name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        self._note(name, "folder", [name], title, description)
        return target

    def entries(self) -> list[Artifact]:
        """What the index names, in the order of first writing."""
        return [
            Artifact(
                item.get("name", key),
                item["kind"],
                [self.path / file for file in item["files"]],
                item["title"],
                item["description"],
            )
            for key, item in self._index().items()
        ]

    def read_table(self, name: str) -> pandas.DataFrame:
        """The table that was written under ``name``."""
        import pandas

        return pandas.read_parquet(self.path / f"{name}.parquet")

    def _put(self, name: str, write: Callable[[Path], object]) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_with(self.path / name, write)

    def _index(self) -> dict[str, _Entry]:
        index = self.path / "index.json"
        found: dict[str, _Entry] = json.loads(index.read_text()) if index.is_file() else {}
        return found

    def _note(self, name: str, kind: str, files: list[str], title: str, description: str) -> None:
        entry: _Entry = {
            "name": name,
            "kind": kind,
            "files": files,
            "title": title,
            "description": description,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        index = self._index()
        # a table and the figure of it may share a name; the second one's key says which it is
        taken = name in index and index[name]["kind"] != kind
        write_json(self.path / "index.json", {**index, f"{name}.{kind}" if taken else name: entry})
