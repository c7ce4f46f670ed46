"""One module per layout of files, with ``read(root, **options) -> ImageData``. A new data set is one module and one YAML."""

from __future__ import annotations

import difflib
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from ersm_lab.core.errors import UserError
from ersm_lab.data.splits import ImageData

_NAMES: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    Mapping: "a group of keys",
    Sequence: "a list",
}


def read_layout(layout: str, root: Path, options: Mapping[str, Any]) -> ImageData:
    """Reads the data set in ``root``, which lies in ``layout``.

    Raises ``UserError``: an unknown layout or option, a missing or empty folder, fewer than two classes, class folders
    that differ between splits.
    """
    known = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if layout not in known:
        near = difflib.get_close_matches(layout, known, n=1)
        raise UserError(
            f"data.layout: no layout {layout!r}{f'; did you mean {near[0]!r}?' if near else ''} There are: {', '.join(known)}"
        )
    read = import_module(f"{__name__}.{layout}").read
    parameters = list(inspect.signature(read).parameters.values())[1:]
    kinds = get_type_hints(read)
    taken = {p.name: get_origin(kinds[p.name]) or kinds[p.name] for p in parameters}
    check_options(options, taken, "data.options.")
    if missing := next((p.name for p in parameters if p.default is p.empty and p.name not in options), None):
        raise UserError(f"'data.options.{missing}' is missing: the layout {layout} needs it")
    data: ImageData = read(root, **options)
    if len(data.classes) < 2:
        raise UserError(
            f"{root} holds one class only ({', '.join(data.classes)}); a classifier needs at least two class folders"
        )
    return data


def check_options(options: Mapping[str, Any], kinds: Mapping[str, type], prefix: str) -> None:
    """Raises ``UserError`` for a key that is not in ``kinds``, with the nearest one, and for a value of another type."""
    for key, value in options.items():
        if key not in kinds:
            near = difflib.get_close_matches(key, kinds, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(kinds) or 'none'}"
            raise UserError(f"unknown key '{prefix}{key}'; {hint}")
        kind = kinds[key]
        allowed = {float: (int, float), str: (str, Path)}.get(kind, (kind,))
        if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
            raise UserError(f"'{prefix}{key}' is {value!r}, but must be {_NAMES.get(kind, kind.__name__)}")
