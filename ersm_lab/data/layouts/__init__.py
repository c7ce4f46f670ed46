"""The built-in layouts of files, one module each, and how any registered layout is read.

A layout is a function ``read(root, **options)`` that a plug-in lists in its ``layouts``. What it is annotated to return says
what its data have: ``ImageData`` one label per picture, ``SceneData`` a label per pixel, ``PictureData`` none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_origin, get_type_hints

from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import load, loaded, merged
from ersm_lab.core.words import nearest, no_such
from ersm_lab.data.pictures import PictureData
from ersm_lab.data.scenes import SceneData
from ersm_lab.data.splits import ImageData

DataT = TypeVar("DataT", ImageData, SceneData, PictureData)

_NAMES: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    Mapping: "a group of keys",
    Sequence: "a list",
}


def read_layout(layout: str, root: Path, options: Mapping[str, Any]) -> ImageData | SceneData | PictureData:
    """Reads the data set in ``root``, which lies in ``layout``.

    Raises ``UserError``: an unknown layout or option, a missing or empty folder, fewer than two classes, class folders
    that differ between splits.
    """
    read = _reader(layout)
    parameters = list(inspect.signature(read).parameters.values())[1:]
    kinds = get_type_hints(read)
    taken = {p.name: get_origin(kinds[p.name]) or kinds[p.name] for p in parameters}
    check_options(options, taken, "data.options.")
    if missing := next((p.name for p in parameters if p.default is p.empty and p.name not in options), None):
        raise UserError(f"'data.options.{missing}' is missing: the layout {layout} needs it")
    data = read(root, **options)
    if not isinstance(data, PictureData) and len(data.classes) < 2:
        raise UserError(
            f"{root} holds one class only ({', '.join(data.classes)}); a classifier needs at least two class folders"
        )
    return data


def read_kind(kind: type[DataT], layout: str, root: Path, options: Mapping[str, Any]) -> DataT:
    """As ``read_layout``, for a reader of one kind of data. Raises ``UserError`` where the layout has another kind."""
    data = read_layout(layout, root, options)
    if not isinstance(data, kind):
        fitting = ", ".join(layouts_of(kind))
        raise UserError(f"data.layout={layout} has {data.has}; with {kind.has} there are: {fitting}")
    return data


def layouts_of(kind: type[ImageData | SceneData | PictureData]) -> list[str]:
    """The registered layouts whose data are of this kind."""
    readers = loaded("layouts").items()
    return sorted(name for name, read in readers if get_type_hints(read)["return"] is kind)


def _reader(layout: str) -> Callable[..., ImageData | SceneData | PictureData]:
    known = merged("layouts")
    if layout not in known:
        raise UserError(f"data.layout: {no_such('layout', layout, known)}")
    try:
        reader: Callable[..., ImageData | SceneData | PictureData] = load(known[layout])
    except ImportError as error:
        raise UserError(f"data.layout={layout} cannot be read: {error}") from error
    return reader


def check_options(options: Mapping[str, Any], kinds: Mapping[str, type], prefix: str) -> None:
    """Raises ``UserError`` for a key that is not in ``kinds``, with the nearest one, and for a value of another type."""
    for key, value in options.items():
        if key not in kinds:
            hint = nearest(key, kinds) or f"; there are: {', '.join(kinds) or 'none'}"
            raise UserError(f"unknown key '{prefix}{key}'{hint}")
        kind = kinds[key]
        allowed = {float: (int, float), str: (str, Path)}.get(kind, (kind,))
        if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
            raise UserError(f"'{prefix}{key}' is {value!r}, but must be {_NAMES.get(kind, kind.__name__)}")
