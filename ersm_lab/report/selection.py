"""Which runs a page shows: those at or below folders, or named; the page itself filters further."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.core.words import nearest
from ersm_lab.report.views import RunView, read_view
from ersm_lab.runs.index import run_folders


def select(words: Sequence[str], outputs: Path) -> list[RunView]:
    """The runs that the words name, newest first; without a word all below ``outputs``.

    A word is a folder at or above runs, a pattern of such folders, or the name of a run below ``outputs``, which is its folder's.

    Raises
    ------
    UserError: there is no run, or a word names none.
    """
    if not words and not outputs.is_dir():
        raise UserError(f"there is no folder {outputs}; train something first, or set paths.outputs")
    places = [place for word in words for place in _places(word, outputs)] if words else [outputs]
    paths = {path.resolve(): path for place in places for path in run_folders(place)}
    if not paths:
        where = ", ".join(words) or str(outputs)
        raise UserError(f"no run below {where}; train one: ersm-lab train experiment=NAME")
    views = [read_view(path) for path in paths.values()]
    return sorted(views, key=lambda view: (view.started, view.name), reverse=True)


def _places(word: str, outputs: Path) -> list[Path]:
    found = [Path(name) for name in sorted(glob.glob(word)) if Path(name).is_dir()]
    if found:
        return found
    by_name = {path.name: path for path in run_folders(outputs)}
    if word in by_name:
        return [by_name[word]]
    raise UserError(f"'{word}' is no folder and no run below {outputs}{nearest(word, by_name)}")
